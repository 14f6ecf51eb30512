"""What archives are to be told, told: one row of the outbox at a time, until it is true there."""

import logging
from datetime import UTC
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from api.errors import SandboxError
from api.read_back import (
    NOT_SHOWN,
    OTHER_ORDER,
    WRONG_PATIENT,
    compared,
    is_under,
    most_bytes_of,
)
from api.settings import REMOTE
from api.work import Workplace, claimed
from archive.errors import ArchiveError, LeaseLost, LinkRefused, StorageFailure
from archive.link import ArchiveLink, Instance, Named
from archive.outbox import Ending, Telling
from archive.record import Exam, OutboxState, Sent, StoredObject
from archive.rejection import KEY_OBJECT_SELECTION, rejection_note, rejection_uid
from archive.today import brought_up_to_date, says_today
from tiles.decoded import instance_header, items_sha256
from tiles.errors import TilesError
from tiles.reheader import reheader

LOG = logging.getLogger("sansverre.sending")

LEASE_S = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
PART_BYTES = 1 << 20

REMOVE_BY_HAND = "The archive has the rejection note and still shows the image; remove it by hand."


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
        outbox.end(telling, _told(place, link, telling))
    except LeaseLost:
        LOG.info("telling %s was superseded", telling.id)
    except LinkRefused as error:
        outbox.end(telling, Ending(OutboxState.TASK, str(error)))
    except (ArchiveError, SandboxError, TilesError, OSError) as error:
        LOG.warning("telling %s waits: %s", telling.id, type(error).__name__)
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(telling.attempt - 1, 20))
        outbox.put_off(telling, pause_s, "The archive does not answer; it is tried again.")
    return True


def _told(place: Workplace, link: ArchiveLink, telling: Telling) -> Ending:
    exam, stored = place.catalog.outbox.context(telling)
    named = Named(exam.study_instance_uid, telling.sop_class_uid, telling.sop_instance_uid)
    if telling.kind is Sent.REJECTION:
        return _rejected(link, exam, telling, named)
    if stored is None:
        return Ending(OutboxState.SUPERSEDED)
    with TemporaryDirectory(prefix="sent-", dir=place.scratch) as folder:
        sent = _as_it_leaves(place, stored, exam, Path(folder))
        ending = _sent(place, link, named, exam, sent)
        # It kept the number that it was told first, and all else is right: once more from anew.
        if ending.reason == OTHER_ORDER and link.remove(named):
            ending = _sent(place, link, named, exam, sent)
    return ending


def _as_it_leaves(place: Workplace, stored: StoredObject, exam: Exam, folder: Path) -> Path:
    """The instance as a file, under today's patient and order; as it is stored where they are."""
    before, after = folder / "stored.dcm", folder / "sent.dcm"
    place.storage.lay_out(stored.key, stored.length_bytes, before)
    if stored.pixel_sha256 not in {None, items_sha256(before)}:
        raise StorageFailure("A stored object is damaged; restore the store from its backup.")
    if says_today(instance_header(before), exam):
        return before
    reheader(before, after, lambda header: brought_up_to_date(header, exam))
    return after


def _sent(place: Workplace, link: ArchiveLink, named: Named, exam: Exam, sent: Path) -> Ending:
    """Give an instance to the archive, ask for it as a viewer would, and have it back."""
    with sent.open("rb") as file:
        parts = iter(partial(file.read, PART_BYTES), b"")
        link.store(Instance(named, sent.stat().st_size, parts))
    shown = link.shown(named)
    if shown is None:
        return Ending(OutboxState.TASK, NOT_SHOWN)
    if not is_under(shown, exam):
        return Ending(OutboxState.TASK, WRONG_PATIENT)
    header, back = instance_header(sent), sent.with_name("back.dcm")
    series = shown.series_instance_uid or str(header.SeriesInstanceUID)
    link.fetch(named, series, back, most_bytes_of(sent, header))
    return compared(place, sent, back, shown, exam)


def _rejected(link: ArchiveLink, exam: Exam, telling: Telling, named: Named) -> Ending:
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
        return Ending(OutboxState.READ_BACK)
    if link.remove(named) and link.shown(named) is None:
        return Ending(OutboxState.READ_BACK)
    return Ending(OutboxState.TASK, REMOVE_BY_HAND)
