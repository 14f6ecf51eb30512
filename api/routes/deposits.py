"""Deposits: what one person brings at once, whose it is, and what became of each file."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.establishment import ESTABLISHMENT
from api.reasons import WORDS
from api.routes.at_the_door import CallerHere, CatalogHere, ReceptionHere
from api.routes.shapes import PatientOut, patient_out
from archive.deposits import Listed
from archive.identity import PatientIdentity
from archive.record import Assignment, Deposit, DepositState, FileState, Reason, Upload
from archive.uploads import FILES, PATH_CHARACTERS

router = APIRouter(tags=["deposits"])


class PatientIn(BaseModel):
    """A patient as whoever brings files knows them."""

    patient_id: str = Field(max_length=200)
    issuer: str | None = Field(None, max_length=200)
    name: str | None = Field(None, max_length=400, description="FAMILY^GIVEN")
    birth_date: date | None = None
    sex: Literal["F", "M", "O"] | None = None

    def identity(self) -> PatientIdentity:
        """The same as the archive keeps it; raises InvalidIdentity."""
        return PatientIdentity(
            self.patient_id, self.issuer or "", self.name or "", self.birth_date, self.sex
        )


class OrderIn(BaseModel):
    """Whose files are; with nothing in it, nobody's yet."""

    patient: PatientIn | None = None
    accession_number: str | None = Field(None, max_length=200)
    issuer: str | None = Field(None, max_length=200, description="Who gave that number.")


class ListedIn(BaseModel):
    """A file of a deposit that is to be closed."""

    path: str = Field(max_length=PATH_CHARACTERS)
    size_bytes: int = Field(ge=0)
    sha256: str | None = Field(None, max_length=64, description="In hexadecimal.")


class CloseIn(BaseModel):
    """All files of a deposit."""

    files: list[ListedIn] = Field(default_factory=list, max_length=FILES)


class ReasonOut(BaseModel):
    """Why a file is not in the archive; `detail` is what its reader said, in English.

    `image` is the one that it is already, under another patient, and may be moved from there.
    """

    code: str
    fr: str
    en: str
    detail: str | None
    image: str | None


class FileOut(BaseModel):
    """A file of a deposit: where it is to be sent, and what became of it."""

    path: str
    size_bytes: int
    received_bytes: int
    upload: str
    state: FileState
    reason: ReasonOut | None
    image: str | None
    exam: str | None


class OrderOut(BaseModel):
    """Whose the files are."""

    patient: PatientOut | None
    accession_number: str | None
    issuer: str | None


class DepositOut(BaseModel):
    """A deposit and its files."""

    id: str
    establishment: str
    state: DepositState
    created_at: datetime
    order: OrderOut | None
    files: list[FileOut]


class DepositsOut(BaseModel):
    """Deposits, unfinished ones first, then the newest."""

    deposits: list[DepositOut]


@router.post("/api/deposits", status_code=201)
def open_deposit(order: OrderIn, caller: CallerHere, catalog: CatalogHere) -> DepositOut:
    """Begin a deposit; whose the files are may be said now or later."""
    establishment = caller.establishment or ESTABLISHMENT
    return _out(catalog.deposits.open(establishment, _assignment(order)))


@router.get("/api/deposits")
def list_deposits(
    caller: CallerHere,
    catalog: CatalogHere,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
) -> DepositsOut:
    """The deposits of the caller's establishment: the unfinished ones and the newest."""
    found = catalog.deposits.recent(establishment=caller.establishment, limit=limit)
    return DepositsOut(deposits=[_out(one) for one in found])


@router.get("/api/deposits/{deposit}")
def get_deposit(deposit: str, caller: CallerHere, catalog: CatalogHere) -> DepositOut:
    """One deposit, and what became of each of its files."""
    return _out(catalog.deposits.deposit(deposit, establishment=caller.establishment))


@router.put("/api/deposits/{deposit}/order")
def set_order(deposit: str, order: OrderIn, caller: CallerHere, catalog: CatalogHere) -> DepositOut:
    """Say whose the files are; possible until something of the deposit is in the archive."""
    return _out(
        catalog.deposits.assign(deposit, _assignment(order), establishment=caller.establishment)
    )


@router.post("/api/deposits/{deposit}/close")
def close_deposit(
    deposit: str,
    files: CloseIn,
    caller: CallerHere,
    catalog: CatalogHere,
    reception: ReceptionHere,
) -> DepositOut:
    """Say that these are all files; from now on they are examined. 409 names what is missing."""
    listed = [Listed(one.path, one.size_bytes, one.sha256) for one in files.files]
    closed = catalog.deposits.close(deposit, listed, establishment=caller.establishment)
    for one in closed.files:
        if one.state is FileState.REFUSED:
            reception.drop(one)
    return _out(closed)


@router.delete("/api/deposits/{deposit}", status_code=204)
def delete_deposit(
    deposit: str, caller: CallerHere, catalog: CatalogHere, reception: ReceptionHere
) -> None:
    """Forget a deposit and what of it is not in the archive; the images that it gave stay."""
    for one in catalog.deposits.remove(deposit, establishment=caller.establishment).files:
        reception.drop(one)


def _assignment(order: OrderIn) -> Assignment | None:
    patient = order.patient.identity() if order.patient is not None else None
    if patient is None and not (order.accession_number or order.issuer):
        return None
    return Assignment(patient, order.accession_number, order.issuer)


def _out(deposit: Deposit) -> DepositOut:
    said = deposit.assignment
    return DepositOut(
        id=deposit.id,
        establishment=deposit.establishment,
        state=deposit.state,
        created_at=deposit.created_at,
        order=None
        if said is None
        else OrderOut(
            patient=patient_out(said.patient),
            accession_number=said.accession_number,
            issuer=said.issuer,
        ),
        files=[_file(one) for one in deposit.files],
    )


def _file(upload: Upload) -> FileOut:
    return FileOut(
        path=upload.path,
        size_bytes=upload.length_bytes,
        received_bytes=upload.offset_bytes,
        upload=upload.id,
        state=upload.state,
        reason=reason_out(upload),
        image=upload.image_id,
        exam=upload.exam_id,
    )


def reason_out(upload: Upload) -> ReasonOut | None:
    """Why a file is not in the archive; None for no reason."""
    if upload.reason is None:
        return None
    words = WORDS[upload.reason]
    image = upload.detail if upload.reason is Reason.IDENTITY else None
    return ReasonOut(
        code=upload.reason,
        fr=words.fr,
        en=words.en,
        detail=None if image else upload.detail,
        image=image,
    )
