"""The table of who may call what: the right that each service needs, closed by default."""

from collections.abc import Mapping

from api.dimse.table import Right

VERIFICATION = "1.2.840.10008.1.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

POLICIES: Mapping[str, Right] = {
    VERIFICATION: Right.ECHO,
    PATIENT_ROOT_FIND: Right.FIND,
    STUDY_ROOT_FIND: Right.FIND,
    PATIENT_ROOT_MOVE: Right.MOVE,
    STUDY_ROOT_MOVE: Right.MOVE,
}
"""The right that a peer needs, by SOP class."""
