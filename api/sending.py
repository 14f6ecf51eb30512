"""What archives are to be told, told: one row of the outbox at a time, until it is true there."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.dataset import Dataset

from api.errors import SandboxError
from api.read_back import (
    EARLIER_IDENTITY,
    NOT_SHOWN,
    OTHER_ORDER,
    WRONG_PATIENT,
    compared,
    is_under,
    most_bytes_of,
)
from api.settings import REMOTE, RadiologyArchive
from api.work import Workplace, claimed
from archive.errors import ArchiveError, LeaseLost, LinkRefused, StorageFailure
from archive.link import ArchiveLink, Instance, Named, Shown
from archive.record import Exam, OutboxState, Sent, StoredObject
from archive.rejection import KEY_OBJECT_SELECTION, rejection_note, rejection_uid
from archive.telling.forms import exam_of, incarnated, uid_of
from archive.telling.queue import Ending, Telling
from archive.telling.rules import Corrections
from archive.telling.told import Told
from archive.today import brought_up_to_date, says_today
from tiles.decoded import instance_header, items_sha256
from tiles.errors import TilesError
from tiles.reheader import reheader

LOG = logging.getLogger("sansverre.sending")

LEASE_S = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
PART_BYTES = 1 << 20

REMOVE_BY_HAND = "The archive has the rejection note and still shows the image; remove it by hand."
_NOT_YET = "The archive does not show the corrected identity yet; it is asked again."
_ANOTHER_COPY = frozenset({WRONG_PATIENT, EARLIER_IDENTITY, OTHER_ORDER})
"""What an archive shows that kept what it was told first."""


@dataclass(frozen=True, slots=True)
class _Leaving:
    """An instance that is about to leave, as a file, and who and what it is to be there."""

    place: Workplace
    rule: RadiologyArchive
    link: ArchiveLink
    telling: Telling
    today: Exam
    """As the catalogue has it."""
    sent: Path

    @property
    def exam(self) -> Exam:
        """As the archive is to know it."""
        return exam_of(self.today, self.telling.remote, self.telling.incarnation)

    @property
    def named(self) -> Named:
        """What the archive is asked for."""
        study = self.exam.study_instance_uid
        return Named(study, self.telling.sop_class_uid, self.telling.sop_instance_uid)

    @property
    def now(self) -> Told:
        """Under which identity it leaves."""
        series = str(instance_header(self.sent).SeriesInstanceUID)
        return Told.of(self.exam, series)


class _NotYet(Exception):
    """The archive will learn of it by others."""


def send_once(place: Workplace) -> bool:
    """Tell the archive what is due first; False where there is nothing, or no archive.

    Whatever befalls it is recorded. Raises StorageFailure where even that fails.
    """
    link, rule, outbox = place.archive, place.rule, place.catalog.outbox
    if link is None or rule is None:
        return False
    telling = claimed(place, outbox, lambda: outbox.claim(place.worker, REMOTE, LEASE_S))
    if telling is None:
        return False
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(telling.attempt - 1, 20))
    try:
        _tell(place, rule, link, telling)
    except LeaseLost:
        LOG.info("telling %s was superseded", telling.id)
    except LinkRefused as error:
        outbox.end(telling, Ending(OutboxState.TASK, str(error)))
    except _NotYet:
        outbox.put_off(telling, pause_s, _NOT_YET)
    except (ArchiveError, SandboxError, TilesError, OSError) as error:
        LOG.warning("telling %s waits: %s", telling.id, type(error).__name__)
        outbox.put_off(telling, pause_s, "The archive does not answer; it is tried again.")
    return True


def _tell(place: Workplace, rule: RadiologyArchive, link: ArchiveLink, telling: Telling) -> None:
    outbox = place.catalog.outbox
    exam, stored = outbox.context(telling)
    if telling.kind is Sent.REJECTION:
        outbox.end(telling, _rejected(link, exam, telling))
        return
    if stored is None:
        outbox.end(telling, Ending(OutboxState.SUPERSEDED))
        return
    with TemporaryDirectory(prefix="sent-", dir=place.scratch) as folder:
        sent = _as_it_leaves(place, stored, exam, telling, Path(folder))
        leaving = _Leaving(place, rule, link, telling, exam, sent)
        now = leaving.now
        if all(one.is_person_of(now) for one in telling.told):
            telling = outbox.leaving(telling, now)
            ending = _sent(leaving)
            # It kept the number that it was told first, and all else is right: from anew.
            if ending.reason == OTHER_ORDER and link.remove(leaving.named):
                ending = _sent(leaving)
        else:
            telling, ending = _corrected(leaving, now)
        outbox.end(telling, ending, now if ending.is_good else None)


def _corrected(leaving: _Leaving, now: Told) -> tuple[Telling, Ending]:
    """Have an archive show today's identity of what it was told under an earlier one."""
    link, telling, outbox = leaving.link, leaving.telling, leaving.place.catalog.outbox
    how = leaving.rule.corrections
    if how is Corrections.REINCARNATION and not all(map(now.is_number_of, telling.told)):
        number = telling.incarnation + 1
        outbox.reincarnate(telling, lambda uid: uid_of(uid, leaving.today, telling.remote, number))
        raise LeaseLost("It is told of as another incarnation.")
    shown = link.shown(leaving.named)
    if shown is None or how is Corrections.AGAIN:
        telling = outbox.leaving(telling, now)
        ending = _sent(leaving, corrected=True)
        if ending.reason in _ANOTHER_COPY and link.remove(leaving.named):
            ending = _sent(leaving, corrected=True)
        return telling, ending
    ending = _read_back(leaving, shown, corrected=True)
    waited_s = (datetime.now(UTC) - telling.asked_at).total_seconds()
    if ending.reason in _ANOTHER_COPY and waited_s < leaving.rule.patience_s:
        raise _NotYet
    return telling, ending


def _as_it_leaves(
    place: Workplace, stored: StoredObject, today: Exam, telling: Telling, folder: Path
) -> Path:
    """The instance as a file, under today's patient and order; as it is stored where they are."""
    before, after = folder / "stored.dcm", folder / "sent.dcm"
    place.storage.lay_out(stored.key, stored.length_bytes, before)
    if stored.pixel_sha256 not in {None, items_sha256(before)}:
        raise StorageFailure("A stored object is damaged; restore the store from its backup.")
    exam = exam_of(today, telling.remote, telling.incarnation)
    if telling.incarnation == 0 and says_today(instance_header(before), exam):
        return before

    def changed(header: Dataset) -> Dataset:
        return incarnated(brought_up_to_date(header, exam), exam, telling.incarnation)

    reheader(before, after, changed)
    return after


def _sent(leaving: _Leaving, *, corrected: bool = False) -> Ending:
    """Give an instance to the archive, ask for it as a viewer would, and have it back."""
    link, named = leaving.link, leaving.named
    with leaving.sent.open("rb") as file:
        parts = iter(partial(file.read, PART_BYTES), b"")
        link.store(Instance(named, leaving.sent.stat().st_size, parts))
    shown = link.shown(named)
    if shown is None:
        return Ending(OutboxState.TASK, NOT_SHOWN)
    return _read_back(leaving, shown, corrected=corrected)


def _read_back(leaving: _Leaving, shown: Shown, *, corrected: bool = False) -> Ending:
    """Have an instance back, and hold it against what it is to be."""
    exam, sent = leaving.exam, leaving.sent
    if not is_under(shown, exam):
        return Ending(OutboxState.TASK, WRONG_PATIENT)
    header, back = instance_header(sent), sent.with_name("back.dcm")
    series = shown.series_instance_uid or str(header.SeriesInstanceUID)
    leaving.link.fetch(leaving.named, series, back, most_bytes_of(sent, header))
    return compared(leaving.place, sent, back, shown, exam, corrected=corrected)


def _rejected(link: ArchiveLink, exam: Exam, telling: Telling) -> Ending:
    """Send the note; where the archive goes on showing what it rejects, have it deleted."""
    named = Named(exam.study_instance_uid, telling.sop_class_uid, telling.sop_instance_uid)
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
