"""What an archive has and is not to be used any more, rejected there (IHE IOCM)."""

from datetime import UTC
from pathlib import Path

from api.archives import Reached
from api.why import NOTE_REFUSED, REMOVE_BY_HAND, UNKNOWN_IF_SHOWN
from api.work import Workplace
from archive.errors import LinkLacks, LinkRefused
from archive.link import Instance, Named
from archive.record import Exam, Image, OutboxState
from archive.rejection import KEY_OBJECT_SELECTION, rejection_note, rejection_uid
from archive.telling.rows import Ending, Telling


def is_same_patient(place: Workplace, before: Exam, image: Image, telling: Telling) -> bool:
    """Whether an image went from one order to another of the same patient."""
    if image.exam_id == telling.exam_id or before.patient is None:
        return False
    now = place.catalog.exam_alone(image.exam_id, establishment=None).patient
    then = before.patient.patient_id, before.patient.issuer
    return now is not None and (now.patient_id, now.issuer) == then


def rejected(
    to: Reached, exam: Exam, telling: Telling, folder: Path, *, is_same_patient: bool
) -> Ending:
    """Send the note; where the archive goes on showing what it rejects, have it deleted."""
    link, series = to.link, str(telling.series_instance_uid)
    named = Named(exam.study_instance_uid, telling.sop_class_uid, telling.sop_instance_uid, series)
    at = telling.created_at.astimezone(UTC)
    note = folder / "note.dcm"
    old = (telling.sop_class_uid, telling.sop_instance_uid)
    note.write_bytes(rejection_note(exam, series, *old, at, is_same_patient=is_same_patient))
    uid = rejection_uid(telling.sop_instance_uid)
    reason = REMOVE_BY_HAND
    try:
        link.store(Instance(Named(named.study_instance_uid, KEY_OBJECT_SELECTION, uid), note))
    except LinkRefused:
        reason = NOTE_REFUSED
    try:
        if to.shown(named) is None or (link.remove(named) and to.shown(named) is None):
            return Ending(OutboxState.READ_BACK)
    except LinkLacks:
        if link.remove(named):
            return Ending(OutboxState.ANSWERED)
        reason = UNKNOWN_IF_SHOWN if reason == REMOVE_BY_HAND else reason
    return Ending(OutboxState.TASK, reason)
