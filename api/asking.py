"""Asking archives for a patient's studies: in bounded time, and never another patient's."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote

from api.archives import RadiologyArchive
from archive.errors import LinkDown, LinkLacks
from archive.studies.judge import Number, Patient, Then, judged
from archive.studies.study import Said, Study
from archive.timeline.lines import keys_of

ASKED_S = 8.0
"""How long an archive may take for all of a patient; afterwards it is said not to answer."""
MOST_NUMBERS = 8


class AnswerState(StrEnum):
    """How an archive answers."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    """It tells of more than is read, or can be."""
    SILENT = "silent"
    """No answer, or none that can be understood: nothing is known of what it holds."""
    LACKS = "lacks"
    """It does not let itself be asked."""


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """A study of the patient in an archive, and the address of that one's viewer."""

    study: Study
    address: str | None

    def __repr__(self) -> str:
        return "Held(…)"


@dataclass(frozen=True, slots=True)
class Answered:
    """What an archive said of a patient; nothing of the studies that are not the patient's."""

    archive: str
    establishment: str
    state: AnswerState
    asked_at: datetime
    held: tuple[Held, ...] = field(default=(), repr=False)
    to_be_looked_into: int = 0
    """How many may be the patient's, and are not shown."""
    of_others: int = 0
    """How many it gave that are somebody else's."""

    def keys(self, one: Held) -> tuple[str, ...]:
        """What one of its studies is known by wherever it is held, as `keys_of` has it."""
        study = one.study
        return keys_of(
            self.establishment,
            study.study_instance_uid,
            study.accession_number,
            study.issuer_of_accession_number,
        )


def asked_of(
    archives: Collection[RadiologyArchive], establishment: str
) -> tuple[RadiologyArchive, ...]:
    """The archives of an establishment that are asked for studies."""
    return tuple(one for one in archives if one.asks and one.establishment == establishment)


def ask(rule: RadiologyArchive, patient: Patient, within_s: float = ASKED_S) -> Answered:
    """Ask an archive by each of the patient's numbers; what it fails in is said, not raised."""
    until, asked_at = time.monotonic() + within_s, datetime.now(UTC)
    numbers = sorted({one.patient_id for one in patient.numbers})
    try:
        if not numbers:
            raise LinkLacks("Nobody else has heard of this patient by any number.")
        told = [_studies(rule, one, until) for one in numbers[:MOST_NUMBERS]]
    except LinkDown:
        return Answered(rule.name, rule.establishment, AnswerState.SILENT, asked_at)
    except LinkLacks:
        return Answered(rule.name, rule.establishment, AnswerState.LACKS, asked_at)
    is_whole = all(one.is_whole for one in told) and len(numbers) <= MOST_NUMBERS
    shown: dict[str, Held] = {}
    found: dict[Then, set[str]] = {one: set() for one in Then}
    for study in (one for some in told for one in some.studies):
        then, number = _judged(rule, patient, study)
        found[then].add(study.study_instance_uid)
        if then is Then.SHOW:
            shown[study.study_instance_uid] = Held(study, viewer_address(rule, study, number))
    # A study under two patients is a mistake of the archive's: nobody's, until it is mended.
    doubtful = found[Then.ASK] | found[Then.LEAVE] & found[Then.SHOW]
    return Answered(
        rule.name,
        rule.establishment,
        AnswerState.ANSWERED if is_whole else AnswerState.PARTIAL,
        asked_at,
        tuple(one for uid, one in shown.items() if uid not in doubtful),
        len(doubtful),
        len(found[Then.LEAVE] - doubtful),
    )


def together(answers: Sequence[Answered]) -> Answered:
    """What one archive said of the records of one person: no better than the worst of it."""
    held = {one.study.study_instance_uid: one for answer in answers for one in answer.held}
    return replace(
        answers[0],
        state=max((one.state for one in answers), key=_WORSE.index),
        asked_at=min(one.asked_at for one in answers),
        held=tuple(held.values()),
        to_be_looked_into=sum(one.to_be_looked_into for one in answers),
        of_others=sum(one.of_others for one in answers),
    )


_WORSE = (AnswerState.ANSWERED, AnswerState.PARTIAL, AnswerState.LACKS, AnswerState.SILENT)


def _judged(rule: RadiologyArchive, patient: Patient, study: Study) -> tuple[Then, Number]:
    """The verdict on a study by that of the patient's numbers which it is nearest to."""
    order = tuple(Then)
    verdicts = [(judged(patient, one, study, rule.issuers)[0], one) for one in patient.numbers]
    return min(verdicts, key=lambda one: order.index(one[0]))


def _studies(rule: RadiologyArchive, patient_id: str, until: float) -> Said:
    # Slow to load, for what most installations do not have.
    if rule.url is not None:
        from archive.studies import web

        return web.studies(rule.url, patient_id, until)
    from archive.studies import dimse

    if rule.station is None:
        raise LinkLacks("The archive has neither a url nor a host.")
    return dimse.studies(rule.station, patient_id, until)


def viewer_address(rule: RadiologyArchive, study: Study, number: Number) -> str | None:
    """Where the archive shows a study; None where it has no viewer, or the study no such name."""
    if rule.viewer is None:
        return None
    known = {
        "study": study.study_instance_uid,
        "accession": study.accession_number,
        "patient": number.patient_id,
        "issuer": number.issuer,
    }
    if not all(value or f"{{{name}}}" not in rule.viewer for name, value in known.items()):
        return None
    return rule.viewer.format_map({name: quote(one, safe="") for name, one in known.items()})
