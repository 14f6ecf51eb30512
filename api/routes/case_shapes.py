"""Cases, orders and slides that wait, as JSON."""

from datetime import UTC, datetime
from secrets import token_hex

from pydantic import BaseModel, Field

from api.routes.deposits import PatientIn
from api.routes.shapes import ImageSummary, PatientOut, patient_out, summary_out
from archive.cases.case import Block, Case, CaseOrder, Glass, Scanned, Waiting, scanned_at
from archive.cases.decide import Verdict
from archive.cases.label import Position, slide_named
from archive.cases.order import Container, Numbered, OrderPlaced, Priority
from archive.cases.pages import Summary
from archive.identity import PatientIdentity


class NumberIn(BaseModel):
    """An identifier, and who gave it."""

    number: str = Field(max_length=200)
    issuer: str = Field("", max_length=200)


class ContainerIn(BaseModel):
    """A specimen, a block or a slide; `barcode` is the text of its label, where it is known.

    A recut is a slide of its own: it is then called by `slide` and `recut` together, as `1 R2`.
    `foreign` is what another laboratory calls it: it is shown, and never matched.
    """

    specimen: str = Field("", max_length=200)
    block: str = Field("", max_length=200)
    slide: str = Field("", max_length=200)
    stain: str = Field("", max_length=200)
    recut: str = Field("", max_length=200)
    barcode: str = Field("", max_length=200)
    description: str = Field("", max_length=200)
    foreign: NumberIn | None = None


class OrderPlacedIn(BaseModel):
    """A version of an order, whole; a later one (`said_at`, then `said_in`) takes its place.

    `issuer` is who gave the accession number; without it, that of the laboratory's table.
    """

    accession_number: str = Field(max_length=200)
    issuer: str | None = Field(None, max_length=200)
    number: NumberIn | None = Field(None, description="The laboratory's number of the order.")
    placer: NumberIn | None = Field(None, description="The number of who asked.")
    patient: PatientIn
    priority: Priority = Priority.ROUTINE
    containers: list[ContainerIn] = Field(default_factory=list, max_length=1000)
    cancelled: bool = False
    said_at: datetime | None = None
    said_in: str = Field("", max_length=64)
    reader: str = Field("", max_length=64, description="The user who is to read it.")

    def placed(self, establishment: str, usual_issuer: str) -> OrderPlaced:
        """The same as the archive keeps it; raises InvalidIdentity."""
        accession = Numbered(
            self.accession_number, usual_issuer if self.issuer is None else self.issuer
        )
        number = self.number or self.placer
        said_at = self.said_at or datetime.now(UTC)
        return OrderPlaced(
            establishment=establishment,
            order=Numbered(number.number, number.issuer) if number else accession,
            accession=accession,
            patient=self.patient.identity(),
            said_at=said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC),
            said_in=self.said_in,
            placer=Numbered(self.placer.number, self.placer.issuer) if self.placer else None,
            priority=self.priority,
            containers=tuple(_container(one) for one in self.containers),
            is_cancelled=self.cancelled,
            reader=self.reader,
        )


class ConsultIn(BaseModel):
    """A case that came for a second opinion; its accession number is made here."""

    patient: PatientIn
    priority: Priority = Priority.ROUTINE
    containers: list[ContainerIn] = Field(min_length=1, max_length=1000)

    def placed(self, establishment: str) -> OrderPlaced:
        """The same as the archive keeps it; raises InvalidIdentity."""
        ours = Numbered(token_hex(8))
        return OrderPlaced(
            establishment=establishment,
            order=ours,
            accession=ours,
            patient=self.patient.identity(),
            said_at=datetime.now(UTC),
            priority=self.priority,
            containers=tuple(_container(one) for one in self.containers),
        )


def _container(said: ContainerIn) -> Container:
    foreign = said.foreign
    return Container(
        Position(
            said.specimen.strip(),
            said.block.strip(),
            slide_named(said.slide.strip(), said.recut.strip()),
        ),
        said.stain,
        said.recut,
        said.barcode,
        said.description,
        Numbered(foreign.number, foreign.issuer) if foreign else None,
    )


class CaseId(BaseModel):
    """What addresses name a case by."""

    case: str


class LinkIn(BaseModel):
    """Where a slide stands."""

    case: str = Field(max_length=32)
    specimen: str = Field("", max_length=16)
    block: str = Field("", max_length=16)
    slide: str = Field(max_length=16, min_length=1)


class ForeignOut(BaseModel):
    """What another laboratory calls a container."""

    number: str
    issuer: str | None


class ScanOut(BaseModel):
    """A scan of a slide; `moving` while it comes under the case's patient and number."""

    image: ImageSummary
    scanned_at: datetime
    moving: bool


class GlassOut(BaseModel):
    """A slide of glass; the first scan is the latest that was accepted, the others are older."""

    specimen: str
    block: str
    slide: str
    stain: str
    recut: str
    foreign: ForeignOut | None
    expected: bool
    scans: list[ScanOut]


class BlockOut(BaseModel):
    """A block and its slides; "" is what lies on no block."""

    name: str
    description: str
    foreign: ForeignOut | None
    slides: list[GlassOut]


class SpecimenOut(BaseModel):
    """A specimen and its blocks; "" where the laboratory counts none."""

    name: str
    description: str
    blocks: list[BlockOut]


class CaseOrderOut(BaseModel):
    """An order of a case, as it was said last."""

    number: str
    priority: Priority
    cancelled: bool
    consult: bool
    patient: PatientOut | None
    said_at: datetime


class WaitingOut(BaseModel):
    """A slide that is linked to nothing: why, and the place that its label means."""

    image: ImageSummary
    why: Verdict
    texts: list[str]
    accession_number: str | None
    specimen: str
    block: str
    slide: str
    case: str | None
    patient: PatientOut | None


class CaseOut(BaseModel):
    """A case. Several patients are a conflict, which a person has to see to.

    `exam` holds its slides; None before there is any.
    """

    id: str
    accession_number: str
    issuer: str | None
    priority: Priority
    patients: list[PatientOut]
    patient_key: str | None
    exam: str | None
    orders: list[CaseOrderOut]
    specimens: list[SpecimenOut]
    waiting: list[WaitingOut]


class SummaryOut(BaseModel):
    """A case in the list; `expected` and `scanned` count slides, rescans left out."""

    id: str
    accession_number: str
    issuer: str | None
    priority: Priority
    patients: list[PatientOut]
    cancelled: bool
    said_at: datetime
    expected: int
    scanned: int


class CasesOut(BaseModel):
    """Cases, frozen sections first, then urgent ones, then the newest; `more` follow."""

    cases: list[SummaryOut]
    more: bool


class WaitingListOut(BaseModel):
    """Slides that are linked to nothing, the newest first."""

    slides: list[WaitingOut]


def case_out(case: Case) -> CaseOut:
    """A case."""
    return CaseOut(
        id=case.id,
        accession_number=case.accession.number,
        issuer=case.accession.issuer or None,
        priority=case.priority,
        patients=_patients(case.patients),
        patient_key=case.patient_key,
        exam=_exam_of(case),
        orders=[_order(one) for one in case.orders],
        specimens=[
            SpecimenOut(
                name=one.name,
                description=one.description,
                blocks=[_block(block) for block in one.blocks],
            )
            for one in case.specimens
        ],
        waiting=[waiting_out(one) for one in case.waiting],
    )


def _exam_of(case: Case) -> str | None:
    """The exam that holds its slides, by which reading is kept; None before there is any."""
    there = (scan for glass in case.slides for scan in glass.scans if not scan.is_moving)
    return next((one.image.exam_id for one in there), None)


def summary_of(one: Summary) -> SummaryOut:
    """A case in the list."""
    return SummaryOut(
        id=one.id,
        accession_number=one.accession.number,
        issuer=one.accession.issuer or None,
        priority=one.priority,
        patients=_patients(one.patients),
        cancelled=one.is_cancelled,
        said_at=one.said_at,
        expected=one.expected,
        scanned=one.scanned,
    )


def waiting_out(one: Waiting) -> WaitingOut:
    """A slide that waits."""
    return WaitingOut(
        image=summary_out(one.image),
        why=one.verdict,
        texts=list(one.texts),
        accession_number=one.accession_number,
        specimen=one.position.specimen,
        block=one.position.block,
        slide=one.position.slide,
        case=one.case_id,
        patient=patient_out(one.patient),
    )


def _patients(several: tuple[PatientIdentity, ...]) -> list[PatientOut]:
    return [told for one in several if (told := patient_out(one)) is not None]


def _order(one: CaseOrder) -> CaseOrderOut:
    return CaseOrderOut(
        number=one.order.number,
        priority=one.priority,
        cancelled=one.is_cancelled,
        consult=one.is_consult,
        patient=patient_out(one.patient),
        said_at=one.said_at,
    )


def _foreign(one: Numbered | None) -> ForeignOut | None:
    return None if one is None else ForeignOut(number=one.number, issuer=one.issuer or None)


def _block(one: Block) -> BlockOut:
    return BlockOut(
        name=one.name,
        description=one.description,
        foreign=_foreign(one.foreign),
        slides=[_glass(glass) for glass in one.slides],
    )


def _glass(one: Glass) -> GlassOut:
    return GlassOut(
        specimen=one.position.specimen,
        block=one.position.block,
        slide=one.position.slide,
        stain=one.stain,
        recut=one.recut,
        foreign=_foreign(one.foreign),
        expected=one.is_expected,
        scans=[_scan(scan, is_older=number > 0) for number, scan in enumerate(one.scans)],
    )


def _scan(one: Scanned, *, is_older: bool) -> ScanOut:
    return ScanOut(
        image=summary_out(one.image, is_older=is_older),
        scanned_at=scanned_at(one.image),
        moving=one.is_moving,
    )
