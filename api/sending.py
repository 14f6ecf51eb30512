"""What archives are to be told, told: one row of the outbox at a time, until it is true there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import dcmread

from api.archives import Reached
from api.composed import composed
from api.cutting import groups_of, larger, parts
from api.errors import SandboxError
from api.logs import whereabouts
from api.read_back import compared, is_under, most_bytes_of
from api.rejecting import is_same_patient, rejected
from api.why import (
    AS_A_PHOTOGRAPH,
    DOWN,
    EARLIER_IDENTITY,
    NO_INS,
    NOT_CERTAIN,
    NOT_CUT,
    NOT_KEPT,
    NOT_SHOWN,
    NOT_YET,
    OTHER_INS,
    OTHER_ORDER,
    SAME_NUMBER,
    TOO_LARGE,
    UNFORESEEN,
    WRONG_PATIENT,
)
from api.work import Workplace, claimed, now_and_then
from archive.errors import (
    ArchiveError,
    ClassRefused,
    LeaseLost,
    LinkDown,
    LinkLacks,
    LinkRefused,
)
from archive.link import Instance, Named, Shown
from archive.outbox import taken_as
from archive.record import GRADES, Exam, Image, ImageKind, OutboxState, Sent
from archive.telling.endpoint import endpoint, put
from archive.telling.forms import DERMOSCOPIC, KnownAs, by_ins, exam_of, known_as
from archive.telling.rows import Ending, Telling
from archive.telling.rules import NOT_TAKEN, Corrections, Form
from archive.telling.told import Told
from tiles.errors import TilesError

LOG = logging.getLogger("sansverre.sending")

LEASE_S, RENEWED_S = 600.0, 60.0
"""For how long a row is held since anything of it last moved, and how often that is written."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 900.0
PROMISES = 5
"""How often an archive may neither show nor keep what it took, before a person looks."""

_ANOTHER_COPY = frozenset({WRONG_PATIENT, EARLIER_IDENTITY, OTHER_INS, OTHER_ORDER})
"""What an archive shows that kept what it was told first."""


@dataclass(frozen=True, slots=True)
class _Leaving:
    """An instance that is about to leave, as a file, and who and what it is to be there."""

    place: Workplace
    to: Reached
    telling: Telling
    today: Exam
    """As the catalogue has it."""
    sent: Path
    renew: Callable[[], None]
    """To be called while anything moves."""

    @property
    def exam(self) -> Exam:
        """As the archive is to know it."""
        today = _named(self.to, self.telling, self.today) or self.today
        return exam_of(today, self.telling.remote, self.telling.incarnation)

    @property
    def named(self) -> Named:
        """What the archive is asked for."""
        return Named(
            self.exam.study_instance_uid,
            self.telling.sop_class_uid,
            self.telling.sop_instance_uid,
            self.series_instance_uid,
        )

    @property
    def series_instance_uid(self) -> str:
        """The series in which it leaves."""
        header = dcmread(self.sent, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
        return str(header.SeriesInstanceUID)

    @property
    def now(self) -> Told:
        """Under which identity it leaves: by the number here, which is not withdrawn."""
        there = exam_of(self.today, self.telling.remote, self.telling.incarnation)
        return Told.of(there, self.series_instance_uid)


class _NotYetError(Exception):
    """What an archive is asked for again, as it may come to be true: in words for people."""


class Turn(Enum):
    """What came of an archive's turn."""

    IDLE = "idle"
    """Nothing is due for it."""
    TAKEN = "taken"
    SILENT = "silent"
    """It did not answer as it must."""


def send_to(place: Workplace, to: Reached) -> Turn:
    """Tell one archive what is due first for it; whatever befalls it is recorded.

    Raises StorageFailure where even that fails.
    """
    outbox, which = place.catalog.outbox, (to.rule.establishment, to.rule.name)
    telling = claimed(place, outbox, lambda: outbox.claim(place.worker, *which, LEASE_S))
    if telling is None:
        return Turn.IDLE
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(telling.attempt - 1, 20))
    try:
        try:
            _tell(place, to, telling)
        except ClassRefused as error:
            _refused(place, to, telling, str(error))
        except LinkRefused as error:
            outbox.end(telling, Ending(OutboxState.TASK, str(error)))
        except _NotYetError as error:
            outbox.put_off(telling, pause_s, str(error))
        except LeaseLost:
            raise
        except (ArchiveError, SandboxError, TilesError, OSError) as error:
            LOG.warning("telling %s waits: %s", telling.id, type(error).__name__)
            outbox.put_off(telling, pause_s, DOWN)
            return Turn.SILENT if isinstance(error, LinkDown) else Turn.TAKEN
        except Exception as error:  # noqa: BLE001 -- those behind it are to be told all the same
            # Its text could hold what a header says.
            LOG.error("telling %s fails: %s", telling.id, whereabouts(error))  # noqa: TRY400
            outbox.put_off(telling, pause_s, UNFORESEEN)
    except LeaseLost:
        LOG.info("telling %s was superseded", telling.id)
    return Turn.TAKEN


def _refused(place: Workplace, to: Reached, telling: Telling, reason: str) -> None:
    """A task for a person; a dermoscopic photograph goes as a plain one meanwhile."""
    outbox = place.catalog.outbox
    is_dermoscopic = telling.form is Form.AS_IT_IS and telling.sop_class_uid == DERMOSCOPIC
    if not (is_dermoscopic and to.rule.as_photographs):
        outbox.end(telling, Ending(OutboxState.TASK, reason))
        return
    exam, _ = outbox.context(telling)
    names = (telling.object_uid, exam, telling.remote, telling.incarnation)
    outbox.fall_back(telling, AS_A_PHOTOGRAPH, Form.PHOTOGRAPH, known_as(Form.PHOTOGRAPH, *names))


def _tell(place: Workplace, to: Reached, telling: Telling) -> None:
    outbox = place.catalog.outbox
    exam, image = outbox.context(telling)
    held = telling
    renew = now_and_then(lambda: outbox.renew(held, LEASE_S), RENEWED_S)
    with TemporaryDirectory(prefix="sent-", dir=place.scratch) as folder:
        if telling.kind is Sent.REJECTION:
            is_same = is_same_patient(place, exam, image, telling)
            ending = rejected(to, exam, telling, Path(folder), is_same_patient=is_same)
            _register(place, to, telling)
            outbox.end(telling, ending)
            return
        if _stays(place, to, telling, image, renew):
            return
        named = _named(to, telling, exam)
        if named is None:
            _without_ins(place, telling, exam)
            return
        sent = composed(place, telling, named, image, Path(folder), renew)
        if sent is None:
            outbox.end(telling, Ending(OutboxState.SUPERSEDED))
            return
        leaving = _Leaving(place, to, telling, exam, sent, renew)
        now = leaving.now
        if all(one.is_person_of(now) for one in telling.told):
            telling = outbox.leaving(telling, now)
            ending = _sent(leaving)
            # It kept a number that it was told first, and all else is right: from anew.
            if ending.reason in {OTHER_INS, OTHER_ORDER} and to.link.remove(leaving.named):
                ending = _sent(leaving)
        else:
            telling, ending = _corrected(leaving, now)
        _register(place, to, telling)
        outbox.end(telling, ending, now if ending.is_good else None)


def _named(to: Reached, telling: Telling, exam: Exam) -> Exam | None:
    """The exam with the number by which an archive knows its patient; None where there is none."""
    return by_ins(exam) if to.rule.by_ins and telling.form is Form.MANIFEST else exam


def _without_ins(place: Workplace, telling: Telling, exam: Exam) -> None:
    """Have a registry forget what it was told under an INS; nothing is sent until there is one."""
    outbox = place.catalog.outbox
    if telling.told:
        outbox.reincarnate(telling, _known(exam, telling, telling.incarnation + 1))
    else:
        outbox.end(telling, Ending(OutboxState.TASK, NO_INS))


def _register(place: Workplace, to: Reached, telling: Telling) -> None:
    """Give a registry the viewer's address with a manifest, and tell it when nothing is there."""
    if to.rule.fhir_url is None or place.public_url is None or telling.form is not Form.MANIFEST:
        return
    exam, _ = place.catalog.outbox.context(telling)
    is_active = telling.kind is Sent.OBJECT or place.catalog.backlog.is_seen(telling.exam_id)
    put(to.rule.fhir_url, endpoint(exam, place.public_url, is_active=is_active))


def _stays(
    place: Workplace, to: Reached, telling: Telling, image: Image, renew: Callable[[], None]
) -> bool:
    """Whether its turn ends before anything leaves."""
    outbox = place.catalog.outbox
    if telling.parts:
        outbox.end(telling, _of_parts(outbox.reached(telling)))
        return True
    kind = taken_as(image.kind, telling.form)
    if kind not in to.rule.takes and not outbox.has_left(telling):
        outbox.end(telling, Ending(OutboxState.SUPERSEDED, NOT_TAKEN))
        return True
    if not to.rule.knows_issuers and outbox.shares_number(telling):
        outbox.end(telling, Ending(OutboxState.TASK, SAME_NUMBER))
        return True
    return _is_cut(place, to, telling, image, renew)


def _is_cut(
    place: Workplace, to: Reached, telling: Telling, image: Image, renew: Callable[[], None]
) -> bool:
    """Whether it does not go as it is: it is told in parts from now on, or it is a task.

    What left whole once stays so: the archive has it by that name.
    """
    outbox, most = place.catalog.outbox, to.rule.largest_bytes
    is_slide = image.kind is ImageKind.SLIDE and telling.form is Form.AS_IT_IS
    if not is_slide or telling.part is not None or outbox.has_left(telling):
        return False
    above = larger(image, most)
    # Half of its levels would be half a slide.
    if above and not to.rule.concatenations:
        outbox.end(telling, Ending(OutboxState.TASK, TOO_LARGE))
        return True
    if not all(groups_of(place, one, most) for one in above):
        outbox.end(telling, Ending(OutboxState.TASK, NOT_CUT))
        return True
    mine = next((one for one in above if one.sop_instance_uid == telling.object_uid), None)
    if mine is None:
        return False
    exam, _ = outbox.context(telling)
    cut = parts(place, mine, most, renew)
    outbox.cut(telling, cut, _known(exam, telling, telling.incarnation))
    return True


def _of_parts(reached: frozenset[OutboxState]) -> Ending:
    """What all parts have reached; nothing is left of them where all were dropped."""
    worst = next((one for one in GRADES if one in reached), None)
    return Ending(worst) if worst else Ending(OutboxState.SUPERSEDED, NOT_TAKEN)


def _known(exam: Exam, telling: Telling, incarnation: int) -> KnownAs:
    return lambda form, uid, part: known_as(form, uid, exam, telling.remote, incarnation, part)


def _corrected(leaving: _Leaving, now: Told) -> tuple[Telling, Ending]:
    """Have an archive show today's identity of what it was told under an earlier one."""
    telling, outbox = leaving.telling, leaving.place.catalog.outbox
    how = leaving.to.rule.corrections
    if how is Corrections.REINCARNATION and not all(map(now.keeps_numbers_of, telling.told)):
        anew = _known(leaving.today, telling, telling.incarnation + 1)
        outbox.reincarnate(telling, anew)
        raise LeaseLost("It is told of as another incarnation.")
    if how is Corrections.AGAIN:
        return _overwritten(leaving, now)
    try:
        shown = leaving.to.shown(leaving.named)
        if shown is None:
            return _overwritten(leaving, now)
        ending = _read_back(leaving, shown, corrected=True)
    except LinkLacks:
        return telling, _unseen(leaving)
    waited_s = (datetime.now(UTC) - telling.asked_at).total_seconds()
    if ending.reason in _ANOTHER_COPY and waited_s < leaving.to.rule.patience_s:
        raise _NotYetError(NOT_YET)
    return telling, ending


def _overwritten(leaving: _Leaving, now: Told) -> tuple[Telling, Ending]:
    """Send it under today's identity, in the place of what the archive has."""
    telling = leaving.place.catalog.outbox.leaving(leaving.telling, now)
    ending = _sent(leaving, corrected=True)
    if ending.reason in _ANOTHER_COPY and leaving.to.link.remove(leaving.named):
        ending = _sent(leaving, corrected=True)
    return telling, ending


def _unseen(leaving: _Leaving) -> Ending:
    """What a correction comes to where the archive does not show what became of it.

    One that hears of it itself is believed, as it is of what it took; one that does not has it not.
    """
    if leaving.to.rule.corrections is not Corrections.HL7:
        return Ending(OutboxState.TASK, EARLIER_IDENTITY)
    is_kept = leaving.to.rule.best is not OutboxState.ANSWERED and _promised(leaving)
    reached = Ending(OutboxState.COMMITTED if is_kept else OutboxState.ANSWERED)
    return _unless_not_kept(leaving, reached, is_kept=is_kept)


def _sent(leaving: _Leaving, *, corrected: bool = False) -> Ending:
    """Give an instance to the archive, and learn how well that can say that it keeps it."""
    link, named, best = leaving.to.link, leaving.named, GRADES.index(leaving.to.rule.best)
    link.store(Instance(named, leaving.sent), leaving.renew)
    reached = Ending(OutboxState.ANSWERED)
    if best == 0:
        return reached
    is_kept = _promised(leaving)
    if is_kept:
        reached = Ending(OutboxState.COMMITTED)
    if best == 1:
        return _unless_not_kept(leaving, reached, is_kept=is_kept)
    try:
        shown = link.shown(named)
        if shown is None:
            return _at_last(leaving, NOT_SHOWN)
        reached = _read_back(leaving, shown, corrected=corrected)
    except LinkLacks:
        # It cannot say more: what it has said is the best that it can give.
        LOG.info("telling %s: the archive gives nothing back", leaving.telling.id)
    return _unless_not_kept(leaving, reached, is_kept=is_kept)


def _promised(leaving: _Leaving) -> bool | None:
    try:
        return leaving.to.link.committed(leaving.named)
    except LinkLacks:
        return None


def _unless_not_kept(leaving: _Leaving, ending: Ending, *, is_kept: bool | None) -> Ending:
    """What was found, unless the archive says itself that it does not keep it."""
    if is_kept is not False or not ending.is_good:
        return ending
    return _at_last(leaving, NOT_KEPT)


def _at_last(leaving: _Leaving, reason: str) -> Ending:
    """A task, once an archive said often enough, and last time too, that it has not what it took.

    Many keep and show things a while later; how often one was down does not count alone.
    """
    telling = leaving.telling
    if telling.attempt < PROMISES or telling.reason != NOT_CERTAIN:
        raise _NotYetError(NOT_CERTAIN)
    return Ending(OutboxState.TASK, reason)


def _read_back(leaving: _Leaving, shown: Shown, *, corrected: bool = False) -> Ending:
    """Have an instance back, and hold it against what it is to be."""
    exam, sent = leaving.exam, leaving.sent
    if not is_under(shown, exam):
        return Ending(OutboxState.TASK, WRONG_PATIENT)
    back = sent.with_name("back.dcm")
    series = shown.series_instance_uid or leaving.series_instance_uid
    leaving.to.link.fetch(leaving.named, series, back, most_bytes_of(sent), leaving.renew)
    both, place = (sent, back), leaving.place
    return compared(place, both, shown, exam, corrected=corrected, meanwhile=leaving.renew)
