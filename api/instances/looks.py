"""What of an instance's header decides how its frames look: two that differ in it are not the same.

Whose it is, by which order, and how its frames lie in the file decide nothing of it.
"""

import hashlib
import json
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_KEYWORDS = (
    *("ImageType", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("NumberOfFrames", "TotalPixelMatrixRows", "TotalPixelMatrixColumns"),
    *("TotalPixelMatrixFocalPlanes", "NumberOfOpticalPaths", "DimensionOrganizationType"),
    *("TotalPixelMatrixOriginSequence", "ImageOrientationSlide", "PatientOrientation"),
    *("ImagedVolumeWidth", "ImagedVolumeHeight", "ImagedVolumeDepth", "PixelSpacing"),
    *("ImagerPixelSpacing", "PixelAspectRatio", "ICCProfile", "ColorSpace"),
    *(
        "OpticalPathSequence",
        "WindowCenter",
        "WindowWidth",
        "VOILUTFunction",
        "PresentationLUTShape",
    ),
    *("RescaleIntercept", "RescaleSlope", "VOILUTSequence", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("ConcatenationUID", "InConcatenationNumber", "ConcatenationFrameOffsetNumber"),
)
_NUMBERS = frozenset({"DS", "IS"})
_LUT_DATA = 0x00283006
"""Numbers or bytes, as whoever writes it chooses; in Implicit VR always bytes."""


def looks_sha256(header: Dataset) -> str:
    """A digest of it; the same in whichever transfer syntax the header itself is written."""
    told = [[one, _value(header[one])] for one in _KEYWORDS if one in header]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _value(element: Any) -> Any:
    if element.VR == "SQ":
        return [
            [[f"{one.tag:08X}", _value(one)] for one in item if not one.tag.is_private]
            for item in element.value
        ]
    value = element.value
    if element.tag == _LUT_DATA and element.VR == "US":
        numbers = value if isinstance(value, MultiValue | list | tuple) else [value]
        value = b"".join(int(one).to_bytes(2, "little") for one in numbers)
    if isinstance(value, bytes):
        return hashlib.sha256(value + b"\0" * (len(value) % 2)).hexdigest()
    several = value if isinstance(value, MultiValue | list | tuple) else [value]
    return [_plain(one, is_number=element.VR in _NUMBERS) for one in several]


def _plain(value: Any, *, is_number: bool) -> Any:
    if value is None or value == "":
        return None
    try:
        return float(value) if is_number else str(value)
    except ValueError:
        return str(value)
