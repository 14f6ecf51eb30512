"""What archives are to be told, told: one row of the outbox at a time, until it is true there."""

import logging
from collections.abc import Iterator
from datetime import UTC

from api.settings import REMOTE
from api.work import Workplace, claimed
from archive.errors import ArchiveError, LeaseLost, LinkRefused
from archive.link import ArchiveLink, Instance, Named
from archive.outbox import Telling
from archive.record import Exam, OutboxState, Sent, StoredObject
from archive.rejection import KEY_OBJECT_SELECTION, rejection_note, rejection_uid

LOG = logging.getLogger("sansverre.sending")

LEASE_S = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
PART_BYTES = 1 << 20

WRONG_PATIENT = "The archive shows it under another patient or study; correct it there by hand."
REMOVE_BY_HAND = "The archive has the rejection note and still shows the image; remove it by hand."
OTHER_ORDER = "The archive shows it under another accession number; correct it there by hand."
NOT_SHOWN = "The archive took it and does not show it; look for it there."


def send_once(place: Workplace) -> bool:
    """Tell the archive what is due first; False where there is nothing, or no archive.

    Whatever befalls it is recorded. Raises StorageFailure where even that fails.
    """
    link, outbox = place.archive, place.catalog.outbox
    if link is None:
        return False
    telling = claimed(place, outbox, lambda: outbox.claim(place.worker, REMOTE, LEASE_S))
    if telling is None:
        return False
    try:
        outbox.end(telling, *_told(place, link, telling))
    except LeaseLost:
        LOG.info("telling %s was superseded", telling.id)
    except LinkRefused as error:
        outbox.end(telling, OutboxState.TASK, str(error))
    except ArchiveError as error:
        LOG.warning("telling %s waits: %s", telling.id, type(error).__name__)
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(telling.attempt - 1, 20))
        outbox.put_off(telling, pause_s, "The archive does not answer; it is tried again.")
    return True


def _told(place: Workplace, link: ArchiveLink, telling: Telling) -> tuple[OutboxState, str | None]:
    exam, stored = place.catalog.outbox.context(telling)
    named = Named(exam.study_instance_uid, telling.sop_class_uid, telling.sop_instance_uid)
    if telling.kind is Sent.REJECTION:
        return _rejected(link, exam, telling, named)
    if stored is None:
        return OutboxState.SUPERSEDED, None
    link.store(Instance(named, stored.length_bytes, _parts(place, stored)))
    shown = link.shown(named)
    if shown is None:
        return OutboxState.TASK, NOT_SHOWN
    patient_id = exam.patient.patient_id if exam.patient else ""
    if (shown.patient_id, shown.study_instance_uid) != (patient_id, exam.study_instance_uid):
        return OutboxState.TASK, WRONG_PATIENT
    # An archive need not tell the number; what a header says may be older than the catalogue's.
    if exam.accession_number and shown.accession_number not in {"", exam.accession_number}:
        return OutboxState.TASK, OTHER_ORDER
    return OutboxState.READ_BACK, None


def _rejected(
    link: ArchiveLink, exam: Exam, telling: Telling, named: Named
) -> tuple[OutboxState, str | None]:
    """Send the note; where the archive goes on showing what it rejects, have it deleted."""
    note = rejection_note(
        exam,
        str(telling.series_instance_uid),
        telling.sop_class_uid,
        telling.sop_instance_uid,
        telling.created_at.astimezone(UTC),
    )
    uid = rejection_uid(telling.sop_instance_uid)
    as_named = Named(exam.study_instance_uid, KEY_OBJECT_SELECTION, uid)
    link.store(Instance(as_named, len(note), iter([note])))
    if link.shown(named) is None:
        return OutboxState.READ_BACK, None
    if link.remove(named) and link.shown(named) is None:
        return OutboxState.READ_BACK, None
    return OutboxState.TASK, REMOVE_BY_HAND


def _parts(place: Workplace, stored: StoredObject) -> Iterator[bytes]:
    for offset in range(0, stored.length_bytes, PART_BYTES):
        length = min(PART_BYTES, stored.length_bytes - offset)
        yield place.storage.read_range(stored.key, offset, length)
