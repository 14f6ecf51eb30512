"""Patients, named by a key that identifies nobody: whose pictures, in which exams."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.exams import TO_BE_SEEN
from api.routes.shapes import ExamOut, PatientOut, exam_out, patient_out

router = APIRouter(tags=["patients"])


class PatientExamsOut(BaseModel):
    """A patient and their exams, the newest first."""

    key: str
    patient: PatientOut | None
    exams: list[ExamOut]


@router.get("/api/patients/{patient}")
def get_patient(patient: str, caller: CallerHere, catalog: CatalogHere) -> PatientExamsOut:
    """A patient, named by the `patient_key` of their exams, with those that have images."""
    whose = catalog.patient(patient, establishment=caller.establishment)
    exams = catalog.exams_of_patient(patient, establishment=caller.establishment, states=TO_BE_SEEN)
    older = catalog.cases.older_scans(exams)
    return PatientExamsOut(
        key=patient, patient=patient_out(whose), exams=[exam_out(one, older) for one in exams]
    )
