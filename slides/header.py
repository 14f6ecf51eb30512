"""The header of a VL Whole Slide Microscopy Image instance (PS3.3 A.32.8).

Functions from facts to a pydicom Dataset without pixel data; what every instance carries comes
from `archive.modules`. Nothing here is random and nothing reads a clock, so the same slide and the
same plan give the same header.
"""

import unicodedata
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from archive.identity import PatientIdentity, uid_from
from archive.modules import (
    Equipment,
    deidentification_module,
    enhanced_general_equipment_module,
    file_meta,
    general_study_module,
    patient_module,
    sop_common_module,
)
from slides.light import light
from slides.slide import Channel, Facts
from slides.specimen import specimen_module
from tiles.coding import Coding, Loss
from tiles.colour import as_input_profile, srgb_profile
from tiles.pyramid import FIRST, Level, Plane

VL_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"

ENCODER = "sansverre-3"
"""Changes whenever the bytes made from a source and a plan change; a part of every UID."""

CORNER_MM = ("25", "75")
"""Where the first pixel lies (x, y) on a nominal glass: files do not say it, but all levels begin
at one place, and one made from their own extents would differ by what was rounded up."""

UNKNOWN_TIME = datetime(1900, 1, 1)  # noqa: DTZ001 -- stands for a time nobody knows
"""AcquisitionDateTime must have a value (C.8.12.4); this one cannot be mistaken for a real one."""

_EARLIEST_YEAR = 1900
"""Before it no slide was scanned: software writes the year 1 where it knows none."""

_RATIO_TO_FILL_IN = "1"
_LO_CHARACTERS = 64
_UNREADABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters (a barcode may hold separators), surrogates, line and paragraph separators."""


@dataclass(frozen=True, slots=True)
class Context:
    """Whose slide it is, and what all its UIDs are made from.

    `seed` holds the source's digest and the plan and, for an archived slide, establishment, exam
    and incarnation; where the file has several scenes, also which this is. `glass` is what of it
    all scenes have in common.
    """

    seed: tuple[str, ...]
    study_instance_uid: str
    study_at: datetime | None = None
    patient: PatientIdentity | None = None
    accession_number: str | None = None
    issuer_of_accession_number: str | None = None
    deidentified: bool = False
    scene: int | None = None
    glass: tuple[str, ...] = ()

    def uid(self, *role: str) -> str:
        """The UID of something of this slide."""
        return uid_from(ENCODER, *self.seed, *role)

    def specimen_uid(self, *role: str) -> str:
        """The UID of something on the glass, which all scenes show."""
        return uid_from(ENCODER, *(self.glass or self.seed), *role)


@dataclass(frozen=True, slots=True)
class Promise:
    """A context that waits for the source's digest.

    Headers made from `draft`, whose digest is any, have the length of those made from `kept()`.
    """

    draft: Context
    making: Future[Context]

    def now(self) -> Context:
        """The context if it is known, else the draft."""
        return self.making.result() if self.making.done() else self.draft

    def kept(self) -> Context:
        """The context, once it is known; raises what digesting raised."""
        return self.making.result()

    @classmethod
    def of(cls, context: Context) -> "Promise":
        """A context that is known."""
        making: Future[Context] = Future()
        making.set_result(context)
        return cls(context, making)


@dataclass(frozen=True, slots=True)
class Picture:
    """What one instance holds: a level of the pyramid, the label or the overview."""

    role: str
    """`level`, `label` or `overview`."""
    number: int
    """The level's index; 0 for the others."""
    level: Level
    samples: int
    coding: Coding
    derived: bool = False
    lost_before: tuple[Loss, ...] = ()
    """What the pixels went through before these frames were encoded."""
    cleaned: bool = False
    """Whether the label's text was taken out of the label or the overview."""
    bits: int = 8
    planes: tuple[Plane, ...] = (FIRST,)

    @property
    def optical_paths(self) -> int:
        """How many ways to light the slide there are."""
        return 1 + max(plane.optical_path for plane in self.planes)

    @property
    def focal_planes(self) -> int:
        """How many focal planes there are through each of them."""
        return len(self.planes) // self.optical_paths

    @property
    def shows_text(self) -> bool:
        """Whether the label can be read in it."""
        return self.role != "level" and not self.cleaned


def header(
    picture: Picture, facts: Facts, mpp_um: tuple[float, float], context: Context
) -> Dataset:
    """Everything of an instance but its pixel data; `mpp_um` is (x, y) of this picture's pixels."""
    data = Dataset()
    made_of = (picture.role, str(picture.number))
    uid = context.uid(*made_of, "cleaned") if picture.cleaned else context.uid(*made_of)
    for module in (
        sop_common_module(VL_WHOLE_SLIDE, uid),
        patient_module(context.patient),
        general_study_module(
            context.study_instance_uid,
            context.study_at,
            accession_number=context.accession_number,
            issuer_of_accession_number=context.issuer_of_accession_number,
        ),
        enhanced_general_equipment_module(_equipment(facts)),
        _series(picture, context),
        _image_pixel(picture),
        _image(picture, facts, mpp_um),
        _times(facts, context),
        _functional_groups(picture, facts, mpp_um),
        specimen_module(facts.specimen, _text, context.specimen_uid),
        _optical_path(picture, facts),
    ):
        data.update(module)
    if picture.role == "level":
        data.update(_pyramid(context))
    if picture.role == "label":
        shown = facts.barcodes if picture.shows_text else ()
        data.BarcodeValue = _readable(shown[0]) if shown else ""
        data.LabelText = ""
    if context.deidentified:
        data.update(deidentification_module())
    data.file_meta = file_meta(VL_WHOLE_SLIDE, uid, picture.coding.transfer_syntax)
    return data


def _equipment(facts: Facts) -> Equipment:
    scanner = facts.scanner
    return Equipment(
        _text(scanner.manufacturer) or "Unknown",
        _text(scanner.model) or "Unknown",
        _text(scanner.serial_number) or "Unknown",
        tuple(one for one in (_text(scanner.software), f"Sans Verre {ENCODER}") if one),
    )


def _series(picture: Picture, context: Context) -> Dataset:
    data = Dataset()
    data.Modality = "SM"
    data.SeriesInstanceUID = context.uid("series")
    data.SeriesNumber = context.scene or 1
    numbers = {"level": 1 + picture.number, "label": 101, "overview": 102}
    data.InstanceNumber = numbers[picture.role]
    return data


def _pyramid(context: Context) -> Dataset:
    """Frame of Reference and Multi-Resolution Pyramid, for volume images alone."""
    data = Dataset()
    data.FrameOfReferenceUID = context.uid("frame of reference")
    data.PositionReferenceIndicator = "SLIDE_CORNER"
    data.PyramidUID = context.uid("pyramid")
    return data


def _image_pixel(picture: Picture) -> Dataset:
    data = Dataset()
    data.SamplesPerPixel = picture.samples
    data.PhotometricInterpretation = picture.coding.photometric_interpretation
    if picture.samples > 1:
        data.PlanarConfiguration = 0
    else:
        # Stored grey is shown as it is (C.8.12.4, required of MONOCHROME2).
        data.RescaleIntercept, data.RescaleSlope = 0, 1
        data.PresentationLUTShape = "IDENTITY"
    data.Rows = picture.level.tile_height
    data.Columns = picture.level.tile_width
    data.NumberOfFrames = picture.level.tiles * len(picture.planes)
    data.BitsAllocated = data.BitsStored = picture.bits
    data.HighBit = picture.bits - 1
    data.PixelRepresentation = 0
    method = picture.coding.lossy_method
    losses = [*picture.lost_before, *([Loss(method, _RATIO_TO_FILL_IN)] if method else ())]
    data.LossyImageCompression = "01" if losses else "00"
    if losses:
        data.LossyImageCompressionRatio = [loss.ratio for loss in losses]
        data.LossyImageCompressionMethod = [loss.method for loss in losses]
    return data


def _times(facts: Facts, context: Context) -> Dataset:
    """When the slide was scanned, and the zone that dates and times are in, where it is known.

    TimezoneOffsetFromUTC (C.12.1.1.8) is about every date of the instance: it is there only where
    the zones of the study and of the scan are both known, and the scan's is turned into it.
    """
    acquired = facts.acquired_at
    if acquired is None or acquired.year < _EARLIEST_YEAR:
        acquired = UNKNOWN_TIME
    data = Dataset()
    data.AcquisitionDateTime = acquired.strftime("%Y%m%d%H%M%S%z")
    study = context.study_at or acquired
    if acquired.tzinfo is not None and study.tzinfo is not None:
        acquired = acquired.astimezone(study.tzinfo)
        data.TimezoneOffsetFromUTC = acquired.strftime("%z")
    data.ContentDate = acquired.strftime("%Y%m%d")
    data.ContentTime = acquired.strftime("%H%M%S")
    return data


def _image(picture: Picture, facts: Facts, mpp_um: tuple[float, float]) -> Dataset:
    """Whole Slide Microscopy Image module (C.8.12.4), with acquisition context."""
    data = Dataset()
    data.ImageType = _image_type(picture)
    data.BurnedInAnnotation = "YES" if picture.shows_text else "NO"
    # Of these flavours C.8.12.4 asks for YES, blanked or not; BurnedInAnnotation tells which.
    data.SpecimenLabelInImage = "NO" if picture.role == "level" else "YES"
    data.VolumetricProperties = "VOLUME"
    data.FocusMethod = facts.focus_method
    data.ExtendedDepthOfField = "NO"
    data.AcquisitionContextSequence = Sequence()
    data.TotalPixelMatrixColumns = picture.level.width
    data.TotalPixelMatrixRows = picture.level.height
    data.TotalPixelMatrixFocalPlanes = picture.focal_planes
    data.NumberOfOpticalPaths = picture.optical_paths
    data.ImagedVolumeWidth = picture.level.width * mpp_um[0] / 1000
    data.ImagedVolumeHeight = picture.level.height * mpp_um[1] / 1000
    apart_um = facts.focal_spacing_um or 1.0
    data.ImagedVolumeDepth = max(1.0, apart_um * (picture.focal_planes - 1))
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = CORNER_MM
    data.TotalPixelMatrixOriginSequence = Sequence([origin])
    # Rows run along the slide's long side towards its label-less end (C.8.12.2.1.1).
    data.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    organization = Dataset()
    organization.DimensionOrganizationUID = uid_from("Sans Verre", "tiles in rows")
    data.DimensionOrganizationSequence = Sequence([organization])
    data.DimensionOrganizationType = "TILED_FULL"
    return data


def _image_type(picture: Picture) -> list[str]:
    """C.8.12.4.1.1: every reduced level is derived and resampled, whoever reduced it."""
    flavor = {"level": "VOLUME", "label": "LABEL", "overview": "OVERVIEW"}[picture.role]
    if picture.derived:
        return ["DERIVED", "PRIMARY", flavor, "RESAMPLED"]
    if picture.cleaned:
        return ["DERIVED", "PRIMARY", flavor, "NONE"]
    return ["ORIGINAL", "PRIMARY", flavor, "NONE"]


def _functional_groups(picture: Picture, facts: Facts, mpp_um: tuple[float, float]) -> Dataset:
    measures = Dataset()
    measures.PixelSpacing = [_decimal(mpp_um[1] / 1000), _decimal(mpp_um[0] / 1000)]
    measures.SliceThickness = _decimal(0.001)
    measures.SpacingBetweenSlices = _decimal((facts.focal_spacing_um or 1.0) / 1000)
    kind = Dataset()
    kind.FrameType = _image_type(picture)
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.WholeSlideMicroscopyImageFrameTypeSequence = Sequence([kind])
    if picture.optical_paths == 1:
        # Of several, the order of TILED_FULL tells which a frame shows (C.7.6.17.3).
        path = Dataset()
        path.OpticalPathIdentifier = "0"
        shared.OpticalPathIdentificationSequence = Sequence([path])
    data = Dataset()
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    return data


def _optical_path(picture: Picture, facts: Facts) -> Dataset:
    """Optical Path module (C.8.12.5): the light, the objective and the colour profile."""
    own = as_input_profile(facts.icc_profile) if facts.icc_profile else None
    paths = []
    for number in range(picture.optical_paths):
        described = picture.role == "level" and number < len(facts.channels)
        channel = facts.channels[number] if described else Channel()
        path = light(number, channel, facts.illumination, _text(channel.name))
        if facts.objective_power is not None and picture.role == "level":
            path.ObjectiveLensPower = _decimal(facts.objective_power)
        if facts.numerical_aperture is not None and picture.role == "level":
            path.ObjectiveLensNumericalAperture = facts.numerical_aperture
        if picture.samples == 3:
            path.ICCProfile = own or srgb_profile()
        paths.append(path)
    data = Dataset()
    data.OpticalPathSequence = Sequence(paths)
    return data


def _text(foreign: str | None) -> str:
    """What a file says as DICOM's LO holds it (PS3.5 6.2): one value of 64 characters.

    Cut at as many bytes, since not all software counts characters.
    """
    whole = _readable((foreign or "").replace("\\", " ")).encode()
    return whole[:_LO_CHARACTERS].decode(errors="ignore").rstrip()


def _readable(foreign: str) -> str:
    """A text without the characters that DICOM cannot carry, composed (NFC)."""
    composed = unicodedata.normalize("NFC", foreign)
    shown = (" " if unicodedata.category(one) in _UNREADABLE else one for one in composed)
    return " ".join("".join(shown).split())


def _decimal(value: float) -> str:
    """A number as DICOM's DS holds it: 16 characters at the most (PS3.5 6.2)."""
    for digits in range(15, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(f"{value} does not fit a decimal string")
