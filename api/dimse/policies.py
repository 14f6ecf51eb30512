"""The table of who may call what: the right that each service needs, closed by default."""

from collections.abc import Mapping

from api.dimse.table import Right
from api.instances.kinds import CLASSES

VERIFICATION = "1.2.840.10008.1.1"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"

POLICIES: Mapping[str, Right] = {
    VERIFICATION: Right.ECHO,
    PATIENT_ROOT_FIND: Right.FIND,
    STUDY_ROOT_FIND: Right.FIND,
    PATIENT_ROOT_MOVE: Right.MOVE,
    STUDY_ROOT_MOVE: Right.MOVE,
    STORAGE_COMMITMENT: Right.COMMIT,
    **dict.fromkeys(CLASSES, Right.STORE),
}
"""The right that a peer needs, by SOP class."""
