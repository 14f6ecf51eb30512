"""One complete unit into the archive: whose it is, what it is, kept and queued to be built."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from api.errors import Refused
from api.ingest import Examined, Order, examine, queue, take
from api.sandbox import run_limited
from api.watch.survey import Unit
from api.watch.trouble import NoOrder
from api.work import Workplace, is_done
from archive.errors import InvalidIdentity
from archive.identity import SH_CHARACTERS, PatientIdentity, checked_text


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for the files of a watched folder.

    A file's order is what its sidecar says; else, with `label_is_accession`, the barcode on its
    label is the accession number; else it has none, or, with `wait_for_order`, it waits.
    """

    establishment: str
    label_is_accession: bool = False
    wait_for_order: bool = False
    mpp_um: tuple[float, float] | None = None
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What the archive made of a unit: an image for each scene, and the job that builds it."""

    images: tuple[str, ...]
    jobs: tuple[int, ...]
    files: tuple[Path, ...]


def take_unit(
    place: Workplace,
    folder: Path,
    unit: Unit,
    wish: Wish,
    require_quiet: Callable[[Iterable[Path]], None],
) -> Kept:
    """Keep the originals of a unit and queue their building; doing it again changes nothing.

    `require_quiet` is asked about every file that the slide turned out to consist of, before
    any of it is kept, and raises what stops it. Raises what `api.ingest.receive` raises, NoOrder.
    """
    file = folder / unit.main
    said = _said(place, folder / unit.sidecar, file) if unit.sidecar is not None else None
    if said is None and wish.wait_for_order and not wish.label_is_accession:
        raise NoOrder("nothing says whose it is; put a JSON or CSV file of the same name beside it")
    examined = examine(place, file.resolve(), wish.mpp_um)
    require_quiet(examined.files)
    order = said_order(said, wish) if said is not None else _order_of_label(place, examined, wish)
    others = range(2, int(examined.facts.get("scenes", 1)) + 1)
    images = [
        take(place, examined, order),
        *(
            take(place, examine(place, examined.file, wish.mpp_um, scene), order)
            for scene in others
        ),
    ]
    jobs = [queue(place, image, order).id for image in images if not is_done(image)]
    return Kept(tuple(image.id for image in images), tuple(jobs), examined.files)


def said_order(said: dict[str, Any], wish: Wish) -> Order:
    """The order that a sidecar states; raises InvalidIdentity."""
    birth_date = said["birth_date"]
    patient = None
    if said["patient_id"] is not None:
        patient = PatientIdentity(
            patient_id=said["patient_id"],
            issuer=said["issuer_of_patient_id"] or "",
            name=said["patient_name"] or "",
            birth_date=date.fromisoformat(birth_date) if birth_date else None,
            sex=said["sex"],
        )
    return Order(
        establishment=wish.establishment,
        patient=patient,
        accession_number=said["accession_number"],
        issuer=said["issuer_of_accession_number"],
        mpp_um=wish.mpp_um,
        verify=wish.verify,
    )


def _said(place: Workplace, sidecar: Path, slide: Path) -> dict[str, Any]:
    told: dict[str, Any] = run_limited(
        "api.tasks:read_order",
        {"path": str(sidecar), "slide": str(slide)},
        scratch=place.scratch,
    )
    if told["study_instance_uid"] is not None:
        raise Refused(
            "study_instance_uid is for `convert`: an archived slide's is made of its order; "
            "take the column away",
            "InvalidMetadata",
        )
    return told


def _order_of_label(place: Workplace, examined: Examined, wish: Wish) -> Order:
    number = None
    if wish.label_is_accession:
        number = next(filter(is_accession, examined.facts.get("barcodes", ())), None)
        if number is None and wish.wait_for_order:
            raise NoOrder(
                "its label shows no barcode that is an accession number; put a JSON or CSV file "
                "of the same name beside it"
            )
    patient = number and place.catalog.patient_of_order(wish.establishment, number)
    return Order(
        establishment=wish.establishment,
        patient=patient or None,
        accession_number=number,
        mpp_um=wish.mpp_um,
        verify=wish.verify,
    )


def is_accession(barcode: str) -> bool:
    """Whether a barcode's text can be an accession number."""
    try:
        return bool(checked_text("accession number", barcode, SH_CHARACTERS, required=True))
    except InvalidIdentity:
        return False
