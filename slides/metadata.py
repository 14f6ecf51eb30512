"""What is said of a slide, by whom, and whose word counts.

Four speak of it. What the user's file says goes before the order, the order before the label's
barcode, and that before the scanner's header; the header of a slide that was DICOM already goes
before the barcode, since somebody's system filled it in.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import Any, Literal

from archive.errors import InvalidIdentity
from archive.identity import PatientIdentity, Sex, study_instance_uid, uid_from
from slides.errors import InvalidMetadata
from slides.header import Context
from slides.slide import Code, Facts

USER, ORDER, LABEL = "--metadata", "order", "label's barcode"
SCANNER, ORIGINAL = "scanner's header", "DICOM original"

ABOUT_THE_PATIENT = frozenset({"patient_id", "patient_name", "birth_date", "sex"})


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one source says of a slide; None where it says nothing.

    The names are those of the columns of a metadata file (`docs/metadata.md`).
    """

    patient_id: str | None = None
    issuer_of_patient_id: str | None = None
    patient_name: str | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    accession_number: str | None = None
    issuer_of_accession_number: str | None = None
    study_instance_uid: str | None = None
    study_at: datetime | None = None
    container_identifier: str | None = None
    specimen_identifiers: tuple[str, ...] | None = None
    specimen_description: str | None = None
    specimen_type: Code | None = None
    body_site: Code | None = None
    side: Code | None = None
    collection: Code | None = None
    fixative: Code | None = None
    embedding_medium: Code | None = None
    block_identifier: str | None = None
    stains: tuple[Code | str, ...] | None = None
    acquired_at: datetime | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    software: str | None = None
    objective_power: float | None = None
    numerical_aperture: float | None = None
    illumination: Code | None = None
    focus_method: Literal["AUTO", "MANUAL"] | None = None

    def fingerprint(self) -> str:
        """A text that is the same for the same words."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(said, default=str, sort_keys=True)

    def patient(self) -> PatientIdentity | None:
        """Whose slide it is; raises InvalidMetadata for traits DICOM cannot hold."""
        if self.patient_id is None:
            if self.patient_name or self.birth_date or self.sex:
                raise InvalidMetadata("a patient is known by a number: fill in patient_id")
            return None
        try:
            return PatientIdentity(
                self.patient_id,
                self.issuer_of_patient_id or "",
                self.patient_name or "",
                self.birth_date,
                self.sex,
            )
        except InvalidIdentity as error:
            raise InvalidMetadata(str(error)) from error

    def study_uid(self, source_sha256: str) -> str:
        """The Study Instance UID: the one said, else the order's, else the file's own."""
        if self.study_instance_uid:
            return self.study_instance_uid
        if self.accession_number:
            issuer = self.issuer_of_accession_number
            return study_instance_uid("", issuer, self.accession_number)
        return uid_from("study of a conversion", source_sha256)


@dataclass(frozen=True, slots=True)
class Decided:
    """What counts, and for every field that is filled whose word it is."""

    metadata: Metadata
    origins: Mapping[str, str]

    def as_json(self) -> dict[str, dict[str, Any]]:
        """A field's value and origin; of what identifies a patient, the origin alone."""
        told = asdict(self.metadata)
        return {
            name: {"from": origin}
            | ({} if name in ABOUT_THE_PATIENT else {"value": _shown(told[name])})
            for name, origin in self.origins.items()
        }


def _shown(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_shown(one)) for one in value)
    if isinstance(value, dict):
        return value["meaning"]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def sources(
    facts: Facts, given: Metadata | None = None, order: Metadata | None = None
) -> list[tuple[str, Metadata]]:
    """Everything said of a slide, whose word counts most first."""
    said = [(USER, given), (ORDER, order)]
    of_label = Metadata(container_identifier=next(iter(facts.label_barcodes), None))
    if facts.format == "dicom":
        said += [(ORIGINAL, _of_header(facts)), (LABEL, of_label)]
    else:
        said += [(LABEL, of_label), (SCANNER, _of_header(facts))]
    return [(origin, one) for origin, one in said if one is not None]


def decide(said: Iterable[tuple[str, Metadata]]) -> Decided:
    """For every field the first word said."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, one in said:
        for field in fields(Metadata):
            value = getattr(one, field.name)
            if value is not None and field.name not in values:
                values[field.name], origins[field.name] = value, origin
    in_order = (field.name for field in fields(Metadata) if field.name in values)
    return Decided(Metadata(**values), {name: origins[name] for name in in_order})


def _of_header(facts: Facts) -> Metadata:
    """What the slide's own file says, but for what was read off its label."""
    scanner, specimen = facts.scanner, facts.specimen
    stored = (one for one in facts.barcodes if one not in facts.label_barcodes)
    return Metadata(
        container_identifier=specimen.container_identifier or next(stored, None),
        specimen_identifiers=specimen.specimen_identifiers or None,
        specimen_description=specimen.description,
        specimen_type=specimen.kind,
        body_site=specimen.body_site,
        side=specimen.side,
        collection=specimen.collection,
        fixative=specimen.fixative,
        embedding_medium=specimen.embedding_medium,
        block_identifier=specimen.block_identifier,
        stains=specimen.stains or None,
        acquired_at=facts.acquired_at,
        manufacturer=scanner.manufacturer,
        model=scanner.model,
        serial_number=scanner.serial_number,
        software=scanner.software,
        objective_power=facts.objective_power,
        numerical_aperture=facts.numerical_aperture,
        illumination=facts.illumination,
        focus_method=facts.focus_method if facts.format == "dicom" else None,
    )


def applied(facts: Facts, decided: Metadata) -> Facts:
    """The facts of a slide with what was decided in place of what its file says."""
    return replace(
        facts,
        acquired_at=decided.acquired_at,
        objective_power=decided.objective_power,
        numerical_aperture=decided.numerical_aperture,
        illumination=decided.illumination,
        focus_method=decided.focus_method or facts.focus_method,
        scanner=replace(
            facts.scanner,
            manufacturer=decided.manufacturer,
            model=decided.model,
            serial_number=decided.serial_number,
            software=decided.software,
        ),
        specimen=replace(
            facts.specimen,
            container_identifier=decided.container_identifier,
            specimen_identifiers=decided.specimen_identifiers or (),
            description=decided.specimen_description,
            kind=decided.specimen_type,
            body_site=decided.body_site,
            side=decided.side,
            collection=decided.collection,
            fixative=decided.fixative,
            embedding_medium=decided.embedding_medium,
            block_identifier=decided.block_identifier,
            stains=decided.stains or (),
        ),
    )


def context_of(decided: Metadata, source_sha256: str, *seed: str) -> Context:
    """Whose a converted slide is, its UIDs made from the source's digest and what else is given.

    Raises InvalidMetadata for traits of a patient that DICOM cannot hold.
    """
    return Context(
        seed=(source_sha256, *seed),
        study_instance_uid=decided.study_uid(source_sha256),
        study_at=decided.study_at,
        patient=decided.patient(),
        accession_number=decided.accession_number,
        issuer_of_accession_number=decided.issuer_of_accession_number,
    )
