"""Looking for what was done already: here, in other establishments, and in their archives."""

import logging
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from api.archives import RadiologyArchive
from api.asking import Answered, AnswerState, ask, asked_of
from api.work import Workplace
from archive.priors.priors import Prior, Wanted
from archive.record import ImageKind
from archive.studies.judge import Patient
from archive.timeline.lines import Line, keys_of

LOG = logging.getLogger("sansverre.priors")
ASKED_S = 5.0
SILENT_S = 20.0
"""How long an archive that did not answer is not asked before the next order: it is asked again."""
AT_ONCE, ASKED_AT_ONCE = 4, 16
"""Orders that are looked into beside one another, and archives that are asked then."""
MOST = 200
"""Earlier exams that are kept with an order, the newest."""


@dataclass(slots=True)
class Looking:
    """Looks for orders' earlier exams beside all other work, which waits for no archive."""

    _orders: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE))
    _asking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(ASKED_AT_ONCE))
    _under_way: set[Future[None]] = field(default_factory=set)
    _silent_until: dict[str, float] = field(default_factory=dict)

    def some(self, place: Workplace) -> bool:
        """Begin with one; False where none waits, or enough are under way.

        Raises StorageFailure where the catalogue failed one of those that have ended.
        """
        ended = {one for one in self._under_way if one.done()}
        self._under_way -= ended
        for one in ended:
            one.result()
        if len(self._under_way) >= AT_ONCE:
            return False
        wanted = place.catalog.priors.claim()
        if wanted is None:
            return False
        self._under_way.add(self._orders.submit(self._look, place, wanted))
        return True

    def finish(self) -> None:
        """Wait for what is under way; raises as `some`."""
        for one in self._under_way:
            one.result()
        self._under_way.clear()

    def _look(self, place: Workplace, wanted: Wanted) -> None:
        answers = self._answers(place, wanted)
        found = found_before(wanted, _lines(place, wanted), answers)
        silent = [one.archive for one in answers if one.state is AnswerState.SILENT]
        place.catalog.priors.keep(wanted, found[:MOST], list(dict.fromkeys(silent)))
        if silent:
            LOG.info("%s archives did not say what was done before an order", len(silent))

    def _answers(self, place: Workplace, wanted: Wanted) -> list[Answered]:
        """What the archives say that may hold something, asked all at once."""
        rules = [one.rule for one in place.archives]
        asked = [
            self._asking.submit(self._ask, rule, patient)
            for patient in _patients(place, wanted)
            for rule in asked_of(rules, patient.establishment)
        ]
        return [one.result() for one in asked]

    def _ask(self, rule: RadiologyArchive, patient: Patient) -> Answered:
        if monotonic() < self._silent_until.get(rule.name, 0.0):
            return Answered(rule.name, rule.establishment, AnswerState.SILENT, datetime.now(UTC))
        said = ask(rule, patient, ASKED_S)
        if said.state is AnswerState.SILENT:
            self._silent_until[rule.name] = monotonic() + SILENT_S
        return said


def found_before(
    wanted: Wanted, lines: Collection[Line], answers: Collection[Answered]
) -> list[Prior]:
    """What was done before an order, each exam once, the newest first; not what it asks for."""
    number = (wanted.accession[1], wanted.accession[0])
    held = set(keys_of(wanted.establishment, "", *number)[1:])
    own = [line for line in lines if _is_of_case(line, wanted)]
    held.update(key for line in own for key in _keys(line))
    found = []
    # One's own opens here; what is shown elsewhere too was done once.
    for line in sorted(lines, key=lambda line: not line.is_own):
        if held.isdisjoint(_keys(line)):
            found.append(_of_line(line))
        held.update(_keys(line))
    for said in answers:
        for one in said.held:
            study = one.study
            keys = said.keys(one)
            if held.isdisjoint(keys):
                found.append(
                    Prior(
                        said.establishment,
                        study.on.isoformat() if study.on else None,
                        study.modalities,
                        study.description,
                        archive=said.archive,
                        address=one.address,
                    )
                )
            held.update(keys)
    return sorted(found, key=lambda one: one.on or "", reverse=True)


def _lines(place: Workplace, wanted: Wanted) -> tuple[Line, ...]:
    if wanted.key is None:
        return ()
    found = place.catalog.timelines.of_patient(wanted.key, establishment=wanted.establishment)
    return found.lines


def _patients(place: Workplace, wanted: Wanted) -> list[Patient]:
    """Whose studies archives are asked for: who is new here is not new to the archive."""
    timelines, where = place.catalog.timelines, wanted.establishment
    if wanted.key is None:
        return [timelines.newcomer_asked(wanted.patient, establishment=where)]
    shown = place.catalog.sharing.patients_shown(wanted.key, establishment=where)
    return [timelines.patient_asked(one.key, establishment=one.establishment) for one in shown]


def _keys(line: Line) -> tuple[str, ...]:
    exam = line.exam
    return keys_of(
        exam.establishment,
        exam.study_instance_uid,
        exam.accession_number,
        exam.issuer_of_accession_number,
    )


def _is_of_case(line: Line, wanted: Wanted) -> bool:
    """Whether it is what the order itself asks for."""
    exam = line.exam
    number = (exam.issuer_of_accession_number or "", exam.accession_number)
    return exam.establishment == wanted.establishment and number == wanted.accession


def _of_line(line: Line) -> Prior:
    exam = line.exam
    kinds = {one.kind for one in exam.images} or {ImageKind.REPORT}
    return Prior(
        exam.establishment,
        line.on.date().isoformat(),
        tuple(sorted(kinds)),
        ", ".join(line.stains),
        exam=exam.id,
    )
