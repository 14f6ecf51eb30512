"""An instance's file out of its metadata and its bulk data (PS3.18, 10.5.2; F; PS3.5, A.4).

Metadata are a stranger's words: they are read in a child (`api.instances.examine`), never beside
others' requests. What a child is to know lies in a folder:

    request.json    the media type and path of each part of metadata, and the bulk data by name
    0.json …        the metadata of each instance, which the child writes
    whole.dcm       the instance that was put together last
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any, BinaryIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from api.dicomweb.native_model import Json, read_native
from tiles.composed import encoded

MOST_VALUE_BYTES = 16 << 20
"""Of an instance's bulk data other than its pixels, all together: they are read whole."""
MOST_DESCRIBED = 4096
"""Of the instances of one request."""
PIXEL_DATA = "7FE00010"
_NAMES = ("00080016", "00080018", "0020000D", "0020000E")
"""Of its class, itself, its study and its series."""
_OF_THE_FILE = ("0002", "00083002", "7FE0", "FFFC", "FFFA")
"""Beginnings of the tags of what says how it was written, and of what stands behind the pixels."""
_NATIVE = "1.2.840.10008.1.2.1"
_SYNTAXES = {
    "application/octet-stream": _NATIVE,
    "image/jpeg": "1.2.840.10008.1.2.4.50",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jphc": "1.2.840.10008.1.2.4.201",
}
"""How pixels are written that say so by their media type alone.

Of `image/jpeg` the standard has lossless JPEG (8.7.3.3), which is not taken: who sends it as
baseline, as all do, is understood, and of any other the first frame tells.
"""
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_WRITE_BYTES = 1 << 20


class CannotAssemble(Exception):
    """Metadata that are none, or whose bulk data did not come."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """One part of bulk data, in a file."""

    media_type: str
    transfer_syntax: str
    path: Path
    length: int


def request(
    folder: Path, metadata: Sequence[tuple[str, Path]], bulk: Mapping[str, Sequence[Bulk]]
) -> None:
    """Write what a child is to know."""
    parts = {
        uri: [[one.media_type, one.transfer_syntax, str(one.path), one.length] for one in parts]
        for uri, parts in bulk.items()
    }
    said = {"metadata": [[kind, str(path)] for kind, path in metadata], "bulk": parts}
    (folder / "request.json").write_text(json.dumps(said))


def split(folder: Path) -> dict[str, Any]:
    """In the child: write the metadata of each instance to a file of its own.

    Gives `count`, `are_wrong` where a part was no metadata, and `alike`: those whose pixels have
    the name of another's.
    """
    said = json.loads((folder / "request.json").read_text())
    count, are_wrong = 0, False
    named: dict[str, list[int]] = defaultdict(list)
    for media_type, path in said["metadata"]:
        try:
            found = read_metadata(media_type, Path(path).read_bytes())
            if count + len(found) > MOST_DESCRIBED:
                return {"count": count + len(found), "are_wrong": True, "alike": []}
            texts = [json.dumps(one) for one in found]
        except (CannotAssemble, RecursionError):
            are_wrong = True
            continue
        for one, text in zip(found, texts, strict=True):
            (folder / f"{count}.json").write_text(text)
            named[pixels_named_in(one)].append(count)
            count += 1
    alike = [one for numbers in named.values() if len(numbers) > 1 for one in numbers]
    return {"count": count, "are_wrong": are_wrong, "alike": alike}


def put_together(folder: Path, number: int, most_bytes: int) -> dict[str, Any]:
    """In the child: write the file of an instance whose pixels have no more bytes.

    Gives `names`, of its class, itself, its study and its series, and whether it `is_whole`,
    or `is_too_large`.
    """
    metadata = json.loads((folder / f"{number}.json").read_text())
    said = json.loads((folder / "request.json").read_text())
    bulk = {
        uri: [Bulk(kind, syntax, Path(path), length) for kind, syntax, path, length in parts]
        for uri, parts in said["bulk"].items()
    }
    told = {"names": [uid_in(metadata, one) for one in _NAMES], "is_too_large": False}
    try:
        if sum(one.length for one in pixels_of(metadata, bulk)) > most_bytes:
            return {**told, "is_too_large": True, "is_whole": False}
        assemble(metadata, bulk, folder / "whole.dcm")
    except CannotAssemble:
        return {**told, "is_whole": False}
    except OSError:
        return {**told, "is_too_large": True, "is_whole": False}
    return {**told, "is_whole": True}


def read_metadata(media_type: str, data: bytes) -> list[Json]:
    """The data sets of a part, in the JSON Model; raises CannotAssemble."""
    try:
        told = read_native(data) if media_type.endswith("+xml") else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CannotAssemble from error
    found = told if isinstance(told, list) else [told]
    if not all(isinstance(one, dict) for one in found):
        raise CannotAssemble
    return found


def uid_in(metadata: Json, tag: str) -> str:
    """A UID that metadata state; empty where they state none that is one."""
    attribute = metadata.get(tag)
    values = attribute.get("Value") if isinstance(attribute, Mapping) else None
    stated = UID(str(values[0])) if isinstance(values, list) and values else UID("")
    return str(stated) if stated.is_valid else ""


def assemble(metadata: Json, bulk: Mapping[str, Sequence[Bulk]], path: Path) -> None:
    """Write the file of an instance. Several parts of one name are its frames, in their order.

    Raises CannotAssemble, also for more or less pixels than it says that it has, and OSError where
    the disk does not take it.
    """
    pixels = pixels_of(metadata, bulk)
    syntaxes = {one.transfer_syntax or _SYNTAXES.get(one.media_type, "") for one in pixels}
    if len(syntaxes) != 1 or not UID(syntax := syntaxes.pop()).is_valid:
        raise CannotAssemble
    try:
        header = _header(metadata, bulk, syntax)
        if not _are_all(header, pixels, is_native=syntax == _NATIVE):
            raise CannotAssemble
        head = encoded(header)
    except (CannotAssemble, OSError, MemoryError):
        raise
    except Exception as error:  # a parser of foreign words raises anything
        raise CannotAssemble from error
    with path.open("wb") as file:
        file.write(head)
        if syntax == _NATIVE:
            length = sum(one.length for one in pixels)
            vr = b"OB" if header.BitsAllocated == 8 else b"OW"
            file.write(pack("<HH2sHI", 0x7FE0, 0x0010, vr, 0, length + length % 2))
            for one in pixels:
                _copy(one.path, file)
            file.write(b"\0" * (length % 2))
            return
        file.write(pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _ITEM + bytes(4))
        for one in pixels:
            file.write(_ITEM + pack("<I", one.length + one.length % 2))
            _copy(one.path, file)
            file.write(b"\0" * (one.length % 2))
        file.write(_END)


def pixels_named_in(metadata: Json) -> str:
    """What metadata call their pixels; empty where they name none."""
    named = metadata.get(PIXEL_DATA)
    uri = named.get("BulkDataURI") if isinstance(named, Mapping) else None
    return uri if isinstance(uri, str) else ""


def pixels_of(metadata: Json, bulk: Mapping[str, Sequence[Bulk]]) -> Sequence[Bulk]:
    """The parts that are an instance's pixels; raises CannotAssemble where none came."""
    found = bulk.get(pixels_named_in(metadata), ())
    # The tag of the pixel data allows for no longer value than its length has digits for.
    if not found or any(one.length >= 0xFFFFFFFE for one in found):
        raise CannotAssemble
    return found


def _are_all(header: Dataset, pixels: Sequence[Bulk], *, is_native: bool) -> bool:
    """Whether they are the frames that it has and no more: those of another have the same name."""
    count = int(header.get("NumberOfFrames") or 1)
    if not is_native:
        return len(pixels) == count
    samples, bytes_each = int(header.SamplesPerPixel), int(header.BitsAllocated) // 8
    expected = int(header.Rows) * int(header.Columns) * samples * bytes_each * count
    return sum(one.length for one in pixels) in {expected, expected + expected % 2}


def _header(metadata: Json, bulk: Mapping[str, Sequence[Bulk]], syntax: str) -> Dataset:
    left = MOST_VALUE_BYTES

    def value(_tag: str, _vr: str, uri: str) -> bytes:
        nonlocal left
        parts = bulk.get(uri, ())
        left -= sum(one.length for one in parts)
        if not parts or left < 0:
            raise CannotAssemble
        return b"".join(one.path.read_bytes() for one in parts)

    told: dict[str, Any] = {
        tag: one for tag, one in metadata.items() if not tag.upper().startswith(_OF_THE_FILE)
    }
    header = Dataset.from_json(told, value)
    # JSON and XML are Unicode, whatever the instance was.
    header.SpecificCharacterSet = "ISO_IR 192"
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = UID(syntax)
    return header


def _copy(path: Path, file: BinaryIO) -> None:
    with path.open("rb") as part:
        while data := part.read(_WRITE_BYTES):
            file.write(data)
