"""Looking for what was done already: here, in other establishments, and in their archives."""

import logging
from collections.abc import Iterator

from api.asking import Answered, AnswerState, ask, asked_of
from api.work import Workplace
from archive.identities.stated import person_of
from archive.priors.priors import Prior, Wanted
from archive.record import ImageKind
from archive.studies.judge import Number, Patient
from archive.timeline.lines import Line, keys_of

LOG = logging.getLogger("sansverre.priors")
ASKED_S = 5.0
MOST = 200
"""Earlier exams that are kept with an order, the newest."""


def look_once(place: Workplace) -> bool:
    """Look for one order's earlier exams; False where none waits."""
    wanted = place.catalog.priors.claim()
    if wanted is None:
        return False
    lines = _lines(place, wanted)
    answers = list(_answers(place, wanted))
    held = {key for line in lines for key in _keys(line)}
    found = [_of_line(line) for line in lines if not _is_of_case(line, wanted)]
    for said in answers:
        for one in said.held:
            study = one.study
            keys = keys_of(
                said.establishment,
                study.study_instance_uid,
                study.accession_number,
                study.issuer_of_accession_number,
            )
            # One exam held twice was done once.
            if held.isdisjoint(keys):
                day = study.on.isoformat() if study.on else None
                found.append(
                    Prior(
                        said.establishment,
                        day,
                        study.modalities,
                        study.description,
                        archive=said.archive,
                        address=one.address,
                    )
                )
            held.update(keys)
    found.sort(key=lambda one: one.on or "", reverse=True)
    silent = [one.archive for one in answers if one.state is AnswerState.SILENT]
    place.catalog.priors.keep(wanted, found[:MOST], silent)
    if silent:
        LOG.info("%s archives did not say what was done before an order", len(silent))
    return True


def _lines(place: Workplace, wanted: Wanted) -> tuple[Line, ...]:
    if wanted.key is None:
        return ()
    found = place.catalog.timelines.of_patient(wanted.key, establishment=wanted.establishment)
    return found.lines


def _answers(place: Workplace, wanted: Wanted) -> Iterator[Answered]:
    rules = [one.rule for one in place.archives]
    if wanted.key is None:
        # Who is new here is not new to the archive.
        for rule in asked_of(rules, wanted.establishment):
            yield ask(rule, _new_here(wanted), ASKED_S)
        return
    shown = place.catalog.sharing.patients_shown(wanted.key, establishment=wanted.establishment)
    for one in shown:
        patient = place.catalog.timelines.patient_asked(one.key, establishment=one.establishment)
        for rule in asked_of(rules, one.establishment):
            yield ask(rule, patient, ASKED_S)


def _new_here(wanted: Wanted) -> Patient:
    said = wanted.patient
    traits = {
        "name": said.name,
        "birth_name": said.birth_name,
        "birth_date": said.birth_date,
        "sex": said.sex,
    }
    number = Number(said.patient_id, said.issuer, said.issuer_oid or "", (person_of(traits),))
    return Patient(wanted.establishment, (number,))


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
