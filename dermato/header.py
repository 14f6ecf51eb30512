"""The header of a photograph: VL Photographic (PS3.3 A.32.4) or Dermoscopic Photography (A.32.11).

Functions from facts to a pydicom Dataset without pixel data; what every instance carries comes
from `archive.modules`. Nothing here is random and nothing reads a clock, so the same photograph of
the same patient gives the same header.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from archive.capture import Dermoscopy
from archive.identity import PatientIdentity, uid_from
from archive.modules import (
    Equipment,
    enhanced_general_equipment_module,
    file_meta,
    general_study_module,
    patient_module,
    sop_common_module,
)
from dermato.camera.exif import Exposure
from dermato.clinical import Stated, clinical_module, decimal, dermoscopic_module
from dermato.photo import Facts, Photo
from tiles.colour import as_input_profile

VL_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"

ENCODER = "sansverre-photo-3"
"""Changes whenever the bytes made from a photograph change; a part of every UID."""


@dataclass(frozen=True, slots=True)
class Context:
    """Whose photograph it is, and what all its UIDs are made from.

    `seed` holds the source's digest, establishment, exam and incarnation.
    """

    seed: tuple[str, ...]
    study_instance_uid: str
    study_at: datetime | None = None
    patient: PatientIdentity | None = None
    accession_number: str | None = None
    issuer_of_accession_number: str | None = None
    stated: Stated | None = None
    """What is stated of body, lesion and camera; None for a photograph of which nothing is."""

    @property
    def dermoscopy(self) -> Dermoscopy | None:
        """How the dermoscope was used, None for any other photograph."""
        return self.stated.capture.dermoscopy if self.stated else None

    @property
    def sop_class_uid(self) -> str:
        """The class of the instance."""
        return VL_PHOTOGRAPHIC if self.dermoscopy is None else DERMOSCOPIC

    @property
    def sop_instance_uid(self) -> str:
        """The instance's own UID: another one for each class it may be of."""
        return self.uid("photo" if self.dermoscopy is None else "dermoscopic photo")

    def uid(self, role: str) -> str:
        """The UID of something of this photograph."""
        return uid_from(ENCODER, *self.seed, role)


def header(photo: Photo, context: Context) -> Dataset:
    """Everything of the instance but its pixel data."""
    data = Dataset()
    for module in (
        sop_common_module(context.sop_class_uid, context.sop_instance_uid),
        patient_module(context.patient),
        general_study_module(
            context.study_instance_uid,
            context.study_at,
            accession_number=context.accession_number,
            issuer_of_accession_number=context.issuer_of_accession_number,
        ),
        enhanced_general_equipment_module(_equipment(photo.facts)),
        _series(context),
        _image(photo.facts),
        _image_pixel(photo),
        _exposure(photo.facts.camera.exposure),
        *_stated(context),
    ):
        data.update(module)
    data.file_meta = file_meta(
        context.sop_class_uid, context.sop_instance_uid, photo.coding.transfer_syntax
    )
    return data


def _stated(context: Context) -> Iterator[Dataset]:
    """What is stated, over what is written where nothing is known."""
    if context.stated is not None:
        yield clinical_module(context.stated, context.study_instance_uid)
    if context.dermoscopy is not None:
        yield dermoscopic_module(context.dermoscopy, context.uid("frame of reference"))


def _equipment(facts: Facts) -> Equipment:
    # The serial number names one person's phone: it is not taken over.
    return Equipment(
        facts.camera.make or "Unknown",
        facts.camera.model or "Unknown",
        "Unknown",
        (f"Sans Verre {ENCODER}",),
    )


def _series(context: Context) -> Dataset:
    data = Dataset()
    data.Modality = "XC" if context.dermoscopy is None else "DMS"
    data.SeriesInstanceUID = context.uid("series")
    data.SeriesNumber = 1
    data.InstanceNumber = 1
    return data


def _image(facts: Facts) -> Dataset:
    """General Image, General Acquisition, VL Image and Acquisition Context."""
    data = Dataset()
    data.ImageType = ["DERIVED" if facts.derivation else "ORIGINAL", "PRIMARY"]
    if facts.derivation:
        data.DerivationDescription = facts.derivation
    data.PatientOrientation = []
    # Where no body site is stated; U also says that the part is unpaired (C.7.6.1.1.1).
    data.ImageLaterality = "U"
    data.AcquisitionContextSequence = Sequence()
    taken = facts.camera.taken_at
    data.ContentDate = f"{taken:%Y%m%d}" if taken else ""
    if taken:
        data.ContentTime = f"{taken:%H%M%S}"
        data.AcquisitionDateTime = f"{taken:%Y%m%d%H%M%S%z}"
    return data


def _exposure(said: Exposure) -> Dataset:
    """VL Photographic Equipment and Acquisition (PS3.3 C.8.12.10 and C.8.12.11), what is known."""
    data = Dataset()
    known = {
        "ExposureTimeInSeconds": decimal(said.time_s),
        "FNumber": decimal(said.f_number),
        "PhotographicSensitivity": said.sensitivity,
        "FocalLength": decimal(said.focal_length_mm),
        "FlashFiringStatus": None if said.flash_fired is None else int(said.flash_fired),
        "LensMake": said.lens_make,
        "LensModel": said.lens_model,
    }
    for keyword, value in known.items():
        if value is not None:
            setattr(data, keyword, value)
    return data


def _image_pixel(photo: Photo) -> Dataset:
    """Image Pixel (C.7.6.3), 8 bits, with the camera's colours and all that was lost before."""
    base, facts = photo.pyramid, photo.facts
    data = Dataset()
    data.SamplesPerPixel = base.samples
    data.PhotometricInterpretation = photo.coding.photometric_interpretation
    if base.samples == 3:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = base.height, base.width
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    data.PixelRepresentation = 0
    profile = as_input_profile(facts.icc_profile) if facts.icc_profile else None
    if profile and base.samples == 3:
        data.ICCProfile = profile + b"\0" * (len(profile) % 2)
    data.LossyImageCompression = "01" if facts.losses else "00"
    if facts.losses:
        data.LossyImageCompressionRatio = [loss.ratio for loss in facts.losses]
        data.LossyImageCompressionMethod = [loss.method for loss in facts.losses]
    return data
