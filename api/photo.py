"""The command `sansverre photo`: photographs with what is stated of the body and the lesion."""

import argparse
import json
import logging
import re
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from api import values
from api.errors import NotTaken
from api.whose import add_patient, patient_of

if TYPE_CHECKING:
    from api.ingest import Order, Taken
    from api.sandbox import Progress
    from api.work import Workplace
    from archive.capture import Capture
    from archive.identity import PatientIdentity
    from archive.lesion import LesionSaid, Photograph
    from archive.record import Image

KINDS = ("overview", "close-up", "dermoscopy", "total-body")
POLARIZATIONS = ("polarized", "non-polarized")
CONTACTS = ("contact", "non-contact")
IMMERSIONS = ("ultrasound-gel", "alcohol", "water", "mineral-oil", "plastic-cap")
Word = TypeVar("Word", bound=StrEnum)
NEW = "new"
_TRACKING_ID = re.compile(r"[Ll]([1-9][0-9]{0,8})")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of the parser."""
    photo = commands.add_parser("photo", help="take photographs of skin, with what they show")
    photo.set_defaults(run=_photo)
    photo.add_argument("files", metavar="FILE", nargs="+")
    add_patient(photo, required=True)
    photo.add_argument(
        "--site",
        required=True,
        metavar="CODE|NAME",
        help="a body site of DICOM's list, by its code or its name in French or English",
    )
    photo.add_argument("--side", choices=("L", "R", "B"), help="of what is paired; B for both")
    photo.add_argument("--kind", choices=KINDS, default="close-up", help="(default close-up)")
    photo.add_argument(
        "--lesion",
        metavar="ID",
        help="a lesion of the patient, by id or as L1; or `new`, which begins one",
    )
    photo.add_argument("--overview", metavar="IMAGE", help="the image that shows where it is")
    photo.add_argument("--earlier", metavar="IMAGE", help="an image of the lesion, a visit before")
    photo.add_argument("--phototype", type=values.phototype, metavar="1-6", help="Fitzpatrick's")
    photo.add_argument("--polarization", choices=POLARIZATIONS, help="a dermoscope's light")
    photo.add_argument("--contact", choices=CONTACTS, help="whether a dermoscope touched the skin")
    photo.add_argument("--immersion", choices=IMMERSIONS, help="what was in between")
    photo.add_argument("--magnification", type=values.positive, metavar="N", help="a dermoscope's")
    photo.add_argument(
        "--mm-per-pixel",
        type=values.positive,
        metavar="N",
        help="only where a ruler or a known dermoscope gives it",
    )
    photo.add_argument("--operator", metavar="FAMILY^GIVEN", help="who took them")
    photo.add_argument("--operator-rpps", metavar="NUMBER", help="and their number in the RPPS")
    photo.add_argument("--json", action="store_true", help="for machines")


def _photo(arguments: argparse.Namespace) -> int:
    from api.ingest import Order, told_to_people
    from api.settings import read_settings
    from api.told import printable
    from api.work import open_workplace

    # What befalls a job is told in the one line of its file.
    logging.getLogger("sansverre").addHandler(logging.NullHandler())
    patient = patient_of(arguments)
    with told_to_people():
        capture = _capture(arguments)
    order = Order(arguments.establishment, patient, arguments.accession)
    failed = 0
    with open_workplace(read_settings()) as place:
        with told_to_people():
            said = _said(arguments, capture, _lesion_of(place, arguments, patient))
            is_new = arguments.lesion == NEW
            if is_new:
                _new_lesion(capture)
            place.catalog.photographs.check(said, patient, establishment=order.establishment)
        for file in arguments.files:
            try:
                if is_new:
                    # What one file begins, the next ones show too.
                    said, is_new = _beginning(place, Path(file), order, said), False
                told = _published(place, Path(file), order, said)
            except NotTaken as error:
                failed += 1
                print(f"sansverre: {printable(f'{file}: {error}')}", file=sys.stderr, flush=True)
                told = {"file": file, "error": str(error)}
            if arguments.json:
                print(json.dumps(told), flush=True)
            elif "error" not in told:
                shown = f"{file}: {told['state']}, {told['view']} of {told['site']['fr']}"
                print(printable(shown), flush=True)
    return 1 if failed else 0


def _new_lesion(capture: "Capture") -> "LesionSaid":
    """What is said of a lesion that a photograph begins; raises InvalidCapture."""
    from archive.lesion import LesionSaid

    capture.require_lesion_allowed()
    return LesionSaid(capture.site, capture.side)


def _beginning(place: "Workplace", file: Path, order: "Order", said: "Photograph") -> "Photograph":
    """What is stated, with a new lesion, or the one that a file began before; raises NotTaken."""
    from api.ingest import told_to_people
    from api.sandbox import run_limited
    from archive.lesion import LesionEvent, LesionEventKind

    assert order.patient is not None
    where = order.establishment
    with told_to_people():
        image = _received(place, file, order)
        known = place.catalog.photographs.photograph(image.id, establishment=where)
        if known is not None and known.lesion is not None:
            return replace(said, lesion=known.lesion)
        taken_on = run_limited(
            "api.tasks:taken_on", {"path": str(file.resolve())}, scratch=place.scratch
        )
        day = date.fromisoformat(taken_on) if taken_on else datetime.now(UTC).astimezone().date()
        seen = LesionEvent(LesionEventKind.FIRST_SEEN, day)
        key = place.catalog.lesions.patient_key(order.patient, establishment=where)
        begun = place.catalog.lesions.create(
            key, _new_lesion(said.capture), seen, establishment=where
        )
        return replace(said, lesion=begun.id)


def _received(place: "Workplace", file: Path, order: "Order") -> "Image":
    """The image of a photograph, its original kept; raises NotTaken, SandboxError, ArchiveError."""
    from api.ingest import examine, take
    from archive.record import ImageKind

    examined = examine(place, file.resolve())
    if examined.kind is not ImageKind.PHOTO:
        raise NotTaken("it is a slide; take it in by sansverre ingest")
    return take(place, examined, order)


def _published(
    place: "Workplace", file: Path, order: "Order", said: "Photograph"
) -> dict[str, Any]:
    """Take one photograph in, and tell what became of it; raises NotTaken."""
    from api.progress import shown

    with shown() as progress:
        taken = _take(place, file, order, said, progress)
    capture = said.capture
    return {
        "file": str(file),
        "image": taken.image,
        "exam": taken.exam,
        "study_instance_uid": taken.study_instance_uid,
        "state": taken.state,
        "view": str(capture.view),
        "site": {"code": capture.site.code, "fr": capture.site.fr, "en": capture.site.en},
        "side": str(capture.side),
        "lesion": said.lesion,
    }


def _take(
    place: "Workplace", file: Path, order: "Order", said: "Photograph", progress: "Progress | None"
) -> "Taken":
    from api.ingest import publish, told_to_people

    with told_to_people():
        image = _received(place, file, order)
        stated = replace(said, image_id=image.id)
        place.catalog.photographs.state(stated, establishment=order.establishment)
        return publish(place, image, order, progress)


def _capture(arguments: argparse.Namespace) -> "Capture":
    """What is stated of every file; raises ArchiveError."""
    from archive.body_site import Side, find_site
    from archive.capture import (
        Capture,
        Contact,
        Dermoscopy,
        Immersion,
        Operator,
        Polarization,
        View,
    )
    from archive.errors import InvalidCapture

    spacing, operator = arguments.mm_per_pixel, None
    if arguments.operator is not None:
        operator = Operator(arguments.operator, arguments.operator_rpps)
    elif arguments.operator_rpps is not None:
        raise InvalidCapture("An operator's number is given without a name; give both.")
    used = Dermoscopy(
        _word(Polarization, arguments.polarization),
        _word(Contact, arguments.contact),
        _word(Immersion, arguments.immersion),
        arguments.magnification,
    )
    return Capture(
        View(arguments.kind),
        find_site(arguments.site),
        Side(arguments.side) if arguments.side else None,
        None if used == Dermoscopy() else used,
        arguments.phototype,
        None if spacing is None else (spacing, spacing),
        operator,
    )


def _said(arguments: argparse.Namespace, capture: "Capture", lesion: str | None) -> "Photograph":
    from archive.lesion import Photograph

    return Photograph("", capture, lesion, arguments.overview, arguments.earlier)


def _lesion_of(
    place: "Workplace", arguments: argparse.Namespace, patient: "PatientIdentity"
) -> str | None:
    """The id of the lesion that is named, before anything is kept; raises NotFound."""
    from archive.errors import NotFound

    if arguments.lesion in {None, NEW}:
        return None
    where = arguments.establishment
    key = place.catalog.lesions.patient_key(patient, establishment=where)
    named = _TRACKING_ID.fullmatch(arguments.lesion)
    for one in place.catalog.lesions.of_patient(key, establishment=where):
        if one.id == arguments.lesion or (named and one.number == int(named[1])):
            return one.id
    raise NotFound("This patient has no such lesion.")


def _word(kind: type[Word], said: str | None) -> Word | None:
    return None if said is None else kind(said.upper().replace("-", "_"))
