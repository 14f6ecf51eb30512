"""How each optical path was lit (PS3.3 C.8.12.5)."""

from math import inf

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from slides.slide import Channel, Code
from slides.specimen import code_item

BRIGHTFIELD = Code("111744", "DCM", "Brightfield illumination")
FULL_SPECTRUM = Code("414298005", "SCT", "Full Spectrum")
EPIFLUORESCENCE = Code("111743", "DCM", "Epifluorescence illumination")
COLOURS_OF_LIGHT = (
    (400.0, Code("415770004", "SCT", "Ultraviolet")),
    (490.0, Code("405738005", "SCT", "Blue")),
    (580.0, Code("371246006", "SCT", "Green")),
    (750.0, Code("371240000", "SCT", "Red")),
    (inf, Code("414497003", "SCT", "Infrared")),
)
"""Wavelength in nm below which light has a colour of CID 8122."""


def light(number: int, channel: Channel, illumination: Code | None, name: str) -> Dataset:
    """One optical path: bright field, unless the file says something else of this channel.

    `illumination` is what is said of all of them, `name` the channel's as DICOM holds it.
    """
    path = Dataset()
    path.OpticalPathIdentifier = str(number)
    path.OpticalPathDescription = name or ("Fluorescence" if channel.fluorescent else "Brightfield")
    kind = EPIFLUORESCENCE if channel.fluorescent else illumination or BRIGHTFIELD
    path.IlluminationTypeCodeSequence = Sequence([code_item(kind)])
    path.IlluminationColorCodeSequence = Sequence([code_item(_colour_of(channel.excitation_nm))])
    if channel.excitation_nm is not None:
        path.IlluminationWaveLength = channel.excitation_nm
    if channel.emission_nm is not None:
        path.ImagePathFilterPassThroughWavelength = round(channel.emission_nm)
    return path


def _colour_of(wavelength_nm: float | None) -> Code:
    """The colour of light (CID 8122) of a wavelength; white light has none."""
    if wavelength_nm is None:
        return FULL_SPECTRUM
    return next(code for longest, code in COLOURS_OF_LIGHT if wavelength_nm < longest)
