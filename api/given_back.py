"""What an archive gave back of an instance, held against what it was sent: runs in the sandbox."""

from itertools import zip_longest
from pathlib import Path
from typing import TypedDict

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info

from api.sandbox import Progress
from archive.errors import InvalidIdentity
from archive.identities.ins import AUTHORITIES, INS_ISSUER, Ins
from archive.identity import folded_name
from archive.telling.forms import KEY_OBJECT_SELECTION
from tiles.decoded import encoded_frames, instance_header, pixel_digest

_TELLING = 40
_OF_THE_FILE = frozenset({0x0002, 0x7FE0, 0xFFFC})
_OF_THE_ENCODING = 0x0028
_RAW = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
_LONGEST = 64
_SHOWN_BY = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsStored", "PixelRepresentation"),
)
"""What makes other pixels of the same bytes."""
_OF_A_DOCUMENT = (
    *("SOPClassUID", "ConceptNameCodeSequence", "ContentSequence"),
    *("CurrentRequestedProcedureEvidenceSequence", "EncapsulatedDocument"),
    "MIMETypeOfEncapsulatedDocument",
)


class Held(TypedDict):
    """What was found: `changed` are keywords; the same pixels are those of the same identity."""

    changed: list[str]
    same_identity: bool
    same_ins: bool
    same_name: bool
    same_pixels: bool
    accession_number: str


def held(say: Progress, sent: Path, back: Path) -> Held:
    """Compare two files; what the archive's file may raise is whatever a parser raises."""
    ours, theirs = _header(sent), _header(back)
    is_same = _is_same_identity(ours, theirs)
    return {
        "changed": _changed(ours, theirs),
        "same_identity": is_same,
        "same_ins": _is_same_ins(ours, theirs),
        "same_name": folded_name(str(ours.get("PatientName") or ""))
        == folded_name(str(theirs.get("PatientName") or "")),
        "same_pixels": is_same and _is_same_content(say, sent, back, (ours, theirs)),
        "accession_number": str(theirs.get("AccessionNumber") or "")[:_LONGEST],
    }


def _changed(ours: Dataset, theirs: Dataset) -> list[str]:
    """The keywords of what differs, was added or is gone; never a value.

    In another transfer syntax other attributes tell of the pixels: that is told by its own.
    """
    is_recoded = len(_syntaxes(ours, theirs)) > 1
    ignored = _OF_THE_FILE | ({_OF_THE_ENCODING} if is_recoded else set())
    tags = sorted(tag for tag in {*ours.keys(), *theirs.keys()} if tag.group not in ignored)
    found = ["TransferSyntaxUID"] if is_recoded else []
    for tag in tags:
        one, other = ours.get(tag), theirs.get(tag)
        if one != other:
            found.append(keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})")
    return found[:_TELLING]


def _is_same_identity(ours: Dataset, theirs: Dataset) -> bool:
    """Whether a file is of the same patient and names; a name may be spelt otherwise."""
    exact = ("SOPInstanceUID", "StudyInstanceUID", "PatientID")
    loose = ("PatientBirthDate", "PatientSex")
    said = [(str(ours.get(one) or ""), str(theirs.get(one) or "")) for one in exact]
    said += [
        both for one in loose if all(both := (str(ours.get(one) or ""), str(theirs.get(one) or "")))
    ]
    return all(one == other for one, other in said) and _is_same_ins(ours, theirs)


def _is_same_ins(ours: Dataset, theirs: Dataset) -> bool:
    """Whether no national identifier is there that was not sent; an archive need not keep any."""
    return _ins_of(theirs) <= _ins_of(ours)


def _ins_of(header: Dataset) -> set[str]:
    items = header.get("OtherPatientIDsSequence") or ()
    return {str(one.get("PatientID") or "") for one in items if _is_ins(one)}


def _is_ins(item: Dataset) -> bool:
    """Whether a number is one by who gave it; where that is not said, by its form."""
    qualifiers = item.get("IssuerOfPatientIDQualifiersSequence") or ()
    authorities = {str(one.get("UniversalEntityID") or "") for one in qualifiers}
    issuer = str(item.get("IssuerOfPatientID") or "")
    if issuer == INS_ISSUER or authorities & AUTHORITIES:
        return True
    try:
        Ins(str(item.get("PatientID") or ""))
    except InvalidIdentity:
        return False
    return True


def _header(path: Path) -> Dataset:
    """All but pixels; of a document, which has none, all."""
    if read_file_meta_info(path).get("MediaStorageSOPClassUID") == KEY_OBJECT_SELECTION:
        return dcmread(path)
    return instance_header(path)


def _is_same_content(
    say: Progress, sent: Path, back: Path, headers: tuple[Dataset, Dataset]
) -> bool:
    """Pixels are compared, or of documents what they name."""
    ours, theirs = headers
    if "Rows" in ours:
        return _is_same_pixels(say, sent, back, headers)
    return all(ours.get(one) == theirs.get(one) for one in _OF_A_DOCUMENT)


def _is_same_pixels(
    say: Progress, sent: Path, back: Path, headers: tuple[Dataset, Dataset]
) -> bool:
    """In one transfer syntax the frames' bytes are compared, in others what they decode to."""
    ours, theirs = headers
    syntaxes = _syntaxes(ours, theirs)
    if len(syntaxes) == 1 and not syntaxes & _RAW:
        if any(ours.get(one) != theirs.get(one) for one in _SHOWN_BY):
            return False
        frames = zip_longest(encoded_frames(sent), encoded_frames(back))
        return all(one == other for one, other in frames)
    first = pixel_digest(sent)
    say(1, 2)
    second = pixel_digest(back)
    say(2, 2)
    return first == second


def _syntaxes(ours: Dataset, theirs: Dataset) -> set[str]:
    return {str(one.file_meta.TransferSyntaxUID) for one in (ours, theirs)}
