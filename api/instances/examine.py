"""What an instance is that somebody sends: looked over in a child, before anything of it is kept.

parent --(JSON lines on stdin)--> child     one file after another, or a folder of described ones
parent <--(JSON lines on a pipe)-- child    for each what it is, or why it is not taken
"""

import json
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.multival import MultiValue

from api.confinement import confine
from api.dicomweb.assembled import put_together, split
from api.instances.frames import NATIVE, check_and_digest
from api.instances.kinds import (
    CLASSES,
    DERMOSCOPIC,
    IMPLICIT_VR,
    JPEG_BASELINE,
    MICROSCOPIC,
    PHOTOGRAPHIC,
    SYNTAXES,
    WHOLE_SLIDE,
)
from api.instances.layout import check_grid, check_tiles, part_of
from api.instances.looks import looks_sha256
from api.instances.measured import channels_of
from api.instances.normal import in_normal_form
from api.renderer import questions
from archive.body_site import site_of_code
from archive.capture import cover_of
from archive.described import Described, described
from archive.errors import InvalidSite
from archive.received.outcome import Failure
from archive.record import ImageKind, ObjectRole
from slides.dicom_frames import find_frames
from slides.dicom_matrix import check_kind
from slides.dicom_structure import File, Instance, instances_of, part_alone
from slides.errors import SlideError
from slides.instances import GLASS_WIDTH_UM
from slides.limits import check_bomb
from tiles.errors import TilesError
from tiles.instance import MOST_HEADER_BYTES

Told = dict[str, Any]

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_ROLES = {
    "LABEL": ObjectRole.LABEL,
    "OVERVIEW": ObjectRole.OVERVIEW,
    "THUMBNAIL": ObjectRole.PREVIEW,
}
_NAMES = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_MOST_NUMBER = 1 << 31


class NotTakenIn(Exception):
    """Why an instance is not taken, in words for people in which nobody is named."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


def examined(path: Path, anew: Path) -> Told:
    """What an instance's file says that is checked, or `failure` and `reason`.

    Where its frames could not be found in it one by one, or where DICOMweb may not carry how it is
    written, the same instance is written to `anew`, which `is_anew` tells.
    """
    names: dict[str, str] = {}
    try:
        return {"names": names, **_examined(path, anew, names)}
    except NotTakenIn as error:
        failure, reason = error.failure, str(error)
    except (SlideError, TilesError) as error:
        failure, reason = Failure.CANNOT_UNDERSTAND, str(error)
    return {"names": names, "failure": failure, "reason": reason}


def _examined(path: Path, anew: Path, names: dict[str, str]) -> Told:
    _check_meta(path, names)
    with path.open("rb") as stream:
        with _blaming_the_header():
            header = dcmread(stream, stop_before_pixels=True)
        _check_names(header, names)
        at = stream.tell()
        if at + 12 > MOST_HEADER_BYTES:
            raise NotTakenIn(
                Failure.CANNOT_UNDERSTAND,
                f"its header is longer than {MOST_HEADER_BYTES >> 20} MiB",
            )
        _check_values(header)
        with _blaming_the_header():
            syntax = str(header.file_meta.TransferSyntaxUID)
            count = int(header.get("NumberOfFrames") or 1)
            if count < 1 or "Rows" not in header or "Columns" not in header:
                raise NotTakenIn(Failure.DOES_NOT_MATCH, "it has no pixels")
            places = find_frames(stream, header, syntax, count)
            file = File(path, header, places, _series(header), 0, "", 0, 0)
            check_grid(header)
            part = part_of(header)
            instance = part_alone(file) if part else instances_of([file])[0]
            _check_kind(header, instance, count)
            check_tiles(header, instance, count)
            told, looks = described(header), looks_sha256(header)
        plain, pixel_sha256 = check_and_digest(stream, instance, at)
        is_anew = syntax == IMPLICIT_VR or not plain
        if is_anew:
            pixel_sha256 = in_normal_form(stream, instance, anew)
            # Implicit VR has become Explicit VR.
            told = replace(told, transfer_syntax_uid=str(header.file_meta.TransferSyntaxUID))
    if told.series.series_number is not None and abs(told.series.series_number) >= _MOST_NUMBER:
        raise NotTakenIn(Failure.DOES_NOT_MATCH, "its series has no number that DICOM holds")
    kind, role = _kind_and_role(instance)
    facts = _facts(instance, kind)
    if instance.samples == 1 and (instance.bits > 8 or len(instance.planes) > 1):
        lights = tuple(instance.channels.values())
        facts["channels"] = channels_of(anew if is_anew else path, lights)
    return {
        "described": _as_json(told),
        "kind": kind,
        "role": role,
        "extent": [instance.width, instance.height],
        "shown": [
            instance.samples,
            instance.bits,
            len(instance.planes),
            str(header.get("PyramidUID") or ""),
        ],
        "part": part,
        "pixel_sha256": pixel_sha256,
        "looks_sha256": looks,
        "is_anew": is_anew,
        "facts": facts,
        "patient": _patient(header),
        "order": _order(header),
        "study_at": _study_at(header),
    }


def _check_meta(path: Path, names: dict[str, str]) -> None:
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            raise NotTakenIn(Failure.CANNOT_UNDERSTAND, "it is no DICOM file")
    with _blaming_the_header():
        meta = read_file_meta_info(path)
        said = {
            "SOPClassUID": str(meta.get("MediaStorageSOPClassUID", "")),
            "SOPInstanceUID": str(meta.get("MediaStorageSOPInstanceUID", "")),
        }
        syntax = str(meta.get("TransferSyntaxUID", ""))
    names.update({name: uid for name, uid in said.items() if _is_uid(uid)})
    if names.get("SOPClassUID") not in CLASSES:
        raise NotTakenIn(Failure.CLASS_NOT_SUPPORTED, "objects of its kind are not taken here")
    # A stream that is deflated as a whole would have to be inflated to say what it is.
    if syntax not in SYNTAXES:
        raise NotTakenIn(Failure.SYNTAX_NOT_SUPPORTED, "its transfer syntax is not read here")


def _check_names(header: Dataset, names: dict[str, str]) -> None:
    said = {name: str(header.get(name, "")) for name in _NAMES}
    for name, uid in said.items():
        if not _is_uid(uid):
            raise NotTakenIn(Failure.CANNOT_UNDERSTAND, f"its {name} is missing, or no UID")
    if any(names.get(name) != said[name] for name in _NAMES[:2]):
        raise NotTakenIn(Failure.DOES_NOT_MATCH, "its file says otherwise than it which one it is")
    names.update(said)


def _check_values(header: Dataset) -> None:
    """Refuse a value that cannot be read, as half a number: nobody could be told of it."""
    for tag in header.keys():  # noqa: SIM118
        try:
            element = header[tag]
        except MemoryError:
            raise
        except Exception as error:  # a parser of foreign bytes raises anything
            what = keyword_for_tag(tag) or "private attribute"
            raise NotTakenIn(Failure.CANNOT_UNDERSTAND, f"its {what} cannot be read") from error
        if element.VR == "SQ":
            for item in element.value:
                _check_values(item)


def _is_uid(text: str) -> bool:
    return len(text) <= 64 and _UID.fullmatch(text) is not None


@contextmanager
def _blaming_the_header() -> Iterator[None]:
    try:
        yield
    except (NotTakenIn, SlideError, TilesError, MemoryError):
        raise
    except (AttributeError, KeyError) as error:
        raise NotTakenIn(
            Failure.DOES_NOT_MATCH, "its header lacks what every instance of its class has"
        ) from error
    except InvalidDicomError as error:
        raise NotTakenIn(Failure.CANNOT_UNDERSTAND, "it is no DICOM file") from error
    except Exception as error:  # a parser of foreign bytes raises anything
        raise NotTakenIn(
            Failure.CANNOT_UNDERSTAND, "its DICOM header is damaged or cut short"
        ) from error


def _series(header: Dataset) -> tuple[str, str]:
    return str(header.StudyInstanceUID), str(header.SeriesInstanceUID)


def _check_kind(header: Dataset, instance: Instance, count: int) -> None:
    check_kind(instance)
    if instance.photometric in {"YBR_FULL", "YBR_FULL_422"} and instance.transfer_syntax not in {
        *NATIVE,
        JPEG_BASELINE,
    }:
        raise NotTakenIn(
            Failure.CANNOT_UNDERSTAND, "its colours are not those that its transfer syntax gives"
        )
    # Not the file's size, which anything else in it makes larger; and only what is stored.
    across, down = instance.tile_width, instance.tile_height * count
    check_bomb(across, down, instance.samples, instance.stored_bytes)
    if header.SOPClassUID != WHOLE_SLIDE and count != 1:
        raise NotTakenIn(Failure.DOES_NOT_MATCH, "it has several frames; its class has one")
    is_level = _kind_and_role(instance)[1] is ObjectRole.LEVEL
    if part_of(header) and not is_level:
        raise NotTakenIn(
            Failure.CANNOT_UNDERSTAND, "only levels of slides are taken in parts; send it whole"
        )
    if is_level and instance.mpp_um is None:
        raise NotTakenIn(Failure.DOES_NOT_MATCH, "it does not say how large its pixels are")


def _kind_and_role(instance: Instance) -> tuple[ImageKind, ObjectRole]:
    kind = str(instance.files[0].header.SOPClassUID)
    if kind in {PHOTOGRAPHIC, DERMOSCOPIC, *MICROSCOPIC}:
        return ImageKind.PHOTO, ObjectRole.PHOTO
    return ImageKind.SLIDE, _ROLES.get(instance.flavour, ObjectRole.LEVEL)


def _facts(instance: Instance, kind: ImageKind) -> Told:
    scanner = instance.scanner
    facts: Told = {
        "format": "dicom",
        "width": instance.width,
        "height": instance.height,
        "scanner": {"manufacturer": scanner.manufacturer, "model": scanner.model},
        "acquired_at": instance.acquired_at.isoformat() if instance.acquired_at else None,
        "icc_profile": instance.icc_profile is not None,
    }
    if kind is ImageKind.PHOTO:
        return {**facts, "derivation": None, "recoded": None, "covered": _cover(instance)}
    # Of a label nobody measures anything: the width of a glass slide is near enough.
    nominal = (GLASS_WIDTH_UM / min(instance.width, instance.height),) * 2
    return {
        **facts,
        "mpp_um": list(instance.mpp_um or nominal),
        "objective_power": instance.objective_power,
        "barcodes": [instance.barcode] if instance.barcode else [],
    }


def _cover(instance: Instance) -> str | None:
    """Why a photograph is covered, as far as the site that it states tells."""
    header = instance.files[0].header
    is_wide = header.SOPClassUID == PHOTOGRAPHIC
    for region in header.get("AnatomicRegionSequence") or []:
        try:
            cover = cover_of(site_of_code(str(region.get("CodeValue", ""))), is_wide=is_wide)
        except InvalidSite:
            continue
        if cover is not None:
            return str(cover)
    return None


def _as_json(told: Described) -> Told:
    series = told.series
    return {
        "series": [
            series.series_instance_uid,
            series.modality[:16],
            series.series_number,
            (series.series_description or "")[:64] or None,
        ],
        "instance": [
            told.transfer_syntax_uid,
            told.instance_number,
            told.rows,
            told.columns,
            told.frames,
            told.bits_allocated,
        ],
    }


def _patient(header: Dataset) -> Told:
    said = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
    return {**{name: _text(header, name) for name in said}, "IssuerOID": _issuer_oid(header)}


def _issuer_oid(header: Dataset) -> str:
    """The universal name of who gave the patient's number, however many are said."""
    items = header.get("IssuerOfPatientIDQualifiersSequence") or []
    return "\\".join(filter(None, (_text(item, "UniversalEntityID") for item in items)))


def _text(header: Dataset, name: str) -> str:
    """A value as it is written, several of them as one, which no identity may have."""
    value = header.get(name) or ""
    several = value if isinstance(value, MultiValue) else [value]
    return "\\".join(map(str, several)).strip()


def _order(header: Dataset) -> list[str]:
    issuer = ""
    for item in header.get("IssuerOfAccessionNumberSequence") or []:
        issuer = str(item.get("LocalNamespaceEntityID") or item.get("UniversalEntityID") or "")
    return [_text(header, "AccessionNumber"), issuer.strip()]


def _study_at(header: Dataset) -> str | None:
    """When the study began, as it says, taken for UTC: it is shown as it stands."""
    day = str(header.get("StudyDate") or "").strip()
    time = str(header.get("StudyTime") or "").strip().partition(".")[0]
    time = time if re.fullmatch(r"[0-9]{6}", time) else "000000"
    try:
        return datetime.strptime(f"{day}{time}", "%Y%m%d%H%M%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return None


def _answered(question: Told) -> Told:
    match question:
        case {"split": folder}:
            return split(Path(folder))
        case {"assemble": folder, "number": number, "most_bytes": most_bytes}:
            return put_together(Path(folder), number, most_bytes)
    return examined(Path(question["path"]), Path(question["anew"]))


def main() -> NoReturn:
    """The child: answer for one file after another, until nobody asks."""
    descriptor, parent_pid, memory_bytes = map(int, sys.argv[1:4])
    confine(parent_pid, memory_bytes)
    os.set_inheritable(descriptor, False)
    # The parser's warnings quote values of a patient's header.
    warnings.simplefilter("ignore")
    for question in questions(0, float(sys.argv[4])):
        try:
            told = _answered(question)
        except MemoryError:
            told = {"memory": True}
        except OSError as error:
            told = {"errno": error.errno or 0}
        except Exception as error:  # noqa: BLE001 - whatever a hostile file makes a parser raise
            told = {"fault": type(error).__name__}
        rest = memoryview(json.dumps(told).encode() + b"\n")
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    os._exit(0)


if __name__ == "__main__":
    main()
