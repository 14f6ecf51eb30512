"""Who is spoken of in the tests of identities, and what messages say of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from archive.cases.order import Numbered, OrderPlaced, Stay, Visit
from archive.catalog import Catalog
from archive.identities.ins import Ins, key_of
from archive.identities.schema import Act
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.record import Image, ImageKind, ImageState
from tests.archive.conftest import HERE, digest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ZOE: dict[str, Any] = {"name": "MARTIN^ZOÉ", "birth_date": date(1970, 1, 31), "sex": "F"}
LUC: dict[str, Any] = {"name": "PETIT^LUC", "birth_date": date(1950, 5, 5), "sex": "M"}
INS = Ins("1700133063001" + f"{key_of('1700133063001'):02}")
OTHER_INS = Ins("2700133063002" + f"{key_of('2700133063002'):02}")


def said(
    number: str, traits: dict[str, Any], minutes: int = 0, ins: Ins | None = None, **more: Any
) -> Stated:
    at = NOON + timedelta(minutes=minutes)
    return Stated(number, "CHU", traits, at, "GAM", ins, **more)


def qualified(
    number: str, traits: dict[str, Any], ins: Ins | None = INS, minutes: int = 0
) -> Stated:
    return said(number, {**traits, "status": Status.QUALIFIED}, minutes, ins)


def brought(
    catalog: Catalog,
    number: str,
    traits: dict[str, Any],
    file: str,
    at: str = HERE,
    **order: str,
) -> Image:
    return catalog.receive(
        establishment=at,
        kind=ImageKind.SLIDE,
        source_sha256=digest(file),
        plan="full",
        patient=PatientIdentity(number, "CHU", **traits),
        **order,
    )


V7 = Visit(Stay.VISIT, Numbered("V7", "CHU"))


def ordered(
    catalog: Catalog, number: str, *visits: Visit, order: str = "O-1", establishment: str = HERE
) -> None:
    """An order of the accession number 26H1, of a patient in a visit."""
    catalog.cases.place(
        OrderPlaced(
            establishment,
            Numbered(order, "LABO"),
            Numbered("26H1", "LABO"),
            PatientIdentity(number, "CHU"),
            NOON,
            visits=visits,
        )
    )


def whose(catalog: Catalog, image: Image, at: str = HERE) -> PatientIdentity | None:
    exam = catalog.exam(image.exam_id, establishment=at, states=tuple(ImageState))
    return exam.patient


def number_of(catalog: Catalog, image: Image) -> str:
    found = whose(catalog, image)
    assert found is not None
    return found.patient_id


def undo_merge(catalog: Catalog, number: str) -> None:
    key = catalog.lesions.patient_key(PatientIdentity(number, "CHU"), establishment=HERE)
    found = catalog.identities.history(key, establishment=HERE)
    (event,) = (one for one in found if one.act is Act.MERGED)
    catalog.identities.undo(event.id, "me", establishment=HERE)


def acts(catalog: Catalog, key: str) -> Sequence[Act]:
    return [one.act for one in catalog.identities.history(key, establishment=HERE)]
