"""Whose an instance was said to be when it left: what an archive may still be showing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, cast

from archive.identity import PatientIdentity, Sex, folded_name, read_birth_date
from archive.record import Exam

INS_HOLDS, INS_GONE = "holds", "gone"


@dataclass(frozen=True, slots=True, repr=False)
class Told:
    """The identity under which an instance left, and the UIDs under which it is found there."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    """As DICOM writes it; "" where none was known, as of all others."""
    sex: str
    accession_number: str
    issuer_of_accession_number: str
    study_instance_uid: str
    series_instance_uid: str
    ins: str = ""
    """Whether a national identifier went with it, and holds still; nothing of the number."""

    def __repr__(self) -> str:
        return "Told(…)"

    @classmethod
    def of(cls, exam: Exam, series_instance_uid: str) -> Self:
        """What an instance of that series says when it leaves now."""
        patient = exam.patient
        born = patient.birth_date if patient else None
        return cls(
            patient_id=patient.patient_id if patient else "",
            issuer=patient.issuer if patient else "",
            name=patient.name if patient else "",
            birth_date=f"{born:%Y%m%d}" if born else "",
            sex=(patient.sex or "") if patient else "",
            accession_number=exam.accession_number or "",
            issuer_of_accession_number=exam.issuer_of_accession_number or "",
            study_instance_uid=exam.study_instance_uid,
            series_instance_uid=series_instance_uid,
            ins=INS_HOLDS if patient and patient.ins and patient.ins_authority else "",
        )

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """As `written` wrote it."""
        return cls(**{one.name: str(written.get(one.name, "")) for one in fields(cls)})

    def written(self) -> dict[str, str]:
        """For the catalogue."""
        return asdict(self)

    def keeps_numbers_of(self, other: Self) -> bool:
        """Whether no number by which the other names the person is untrue by now."""
        is_same = (self.patient_id, self.issuer) == (other.patient_id, other.issuer)
        return is_same and other.ins in {"", self.ins}

    def once_withdrawn(self) -> Self:
        """The same once its national identifier is withdrawn, or another's place."""
        return replace(self, ins=INS_GONE) if self.ins else self

    def is_person_of(self, other: Self) -> bool:
        """Whether both name one person alike; accents and case are spelling."""
        return self._person() == other._person()

    def _person(self) -> tuple[str, ...]:
        name = folded_name(self.name)
        return (self.patient_id, self.issuer, name, self.birth_date, self.sex, self.ins)

    def as_exam(self, exam: Exam) -> Exam:
        """The exam as the archive knows it."""
        return replace(
            exam,
            patient=self._patient() if self.patient_id else None,
            accession_number=self.accession_number or None,
            issuer_of_accession_number=self.issuer_of_accession_number or None,
            study_instance_uid=self.study_instance_uid,
        )

    def _patient(self) -> PatientIdentity:
        return PatientIdentity(
            self.patient_id,
            self.issuer,
            self.name,
            read_birth_date(self.birth_date),
            cast("Sex | None", self.sex or None),
        )
