"""What an archive knows an instance by, where that is not as it is kept here.

No header is opened here: whoever opens the catalogue loads this.
"""

from collections.abc import Callable
from dataclasses import replace

from archive.concatenation import Part
from archive.identities.ins import INS_ISSUER
from archive.identity import uid_from
from archive.incarnation import Incarnation
from archive.record import Exam
from archive.telling.rules import Form

VL_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CLASS_OF = {
    Form.PHOTOGRAPH: VL_PHOTOGRAPHIC,
    Form.THUMBNAIL: SECONDARY_CAPTURE,
    Form.MANIFEST: KEY_OBJECT_SELECTION,
}
"""Of which class an instance is that takes another form."""


KnownAs = Callable[[Form, str, Part | None], str]
"""By which UID an archive knows an object of ours in a form, or a part of it."""


def exam_of(exam: Exam, remote: str, incarnation: int) -> Exam:
    """The exam as an archive knows it: a study of its own after each correction by rejection.

    There one study would otherwise be of two patients.
    """
    if incarnation == 0:
        return exam
    study = exam.study_instance_uid
    uid = uid_from("study of a correction", remote, study, str(incarnation))
    return replace(exam, study_instance_uid=uid)


def by_ins(exam: Exam) -> Exam | None:
    """The exam as a registry knows it that names patients by their INS; None where none is known.

    It is known of qualified identities alone.
    """
    patient = exam.patient
    if patient is None or not (patient.ins and patient.ins_authority):
        return None
    named = replace(
        patient,
        patient_id=patient.ins,
        issuer=INS_ISSUER,
        issuer_oid=patient.ins_authority,
        ins=None,
        ins_authority=None,
    )
    return replace(exam, patient=named)


def uid_as(form: Form, uid: str) -> str:
    """The UID of what one of our instances is told of in that form."""
    return uid if form is Form.AS_IT_IS else uid_from("told of as", form, uid)


def known_as(
    form: Form, uid: str, exam: Exam, remote: str, incarnation: int, part: Part | None = None
) -> str:
    """What an archive knows one of our instances by, or a part of it; each archive its own."""
    mine = uid_as(form, uid) if part is None else part.uid
    if incarnation == 0:
        return mine
    return Incarnation(exam_of(exam, remote, incarnation), incarnation).uid(mine)
