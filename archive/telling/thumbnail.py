"""A small picture of a slide for an archive that does not carry it, which says where it is.

Secondary Capture (PS3.3 A.8.1), as the one class of picture that every archive takes and every
viewer shows; it says itself that it is none to make a diagnosis with.
"""

import io
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import JPEGBaseline8Bit

from archive.identity import uid_from
from archive.modules import (
    Equipment,
    file_meta,
    general_study_module,
    more_of_patient_module,
    patient_module,
    sop_common_module,
)
from archive.record import Exam
from archive.telling.forms import SECONDARY_CAPTURE

_MAKER = Equipment("Sans Verre", "Sans Verre", "Unknown", ("thumbnail-1",))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A baseline JPEG in YCbCr with chroma halved across, and of how many bytes of pixels."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int


def thumbnail(exam: Exam, uid: str, drawn: Drawn, address: str | None) -> bytes:
    """The DICOM file of that SOP Instance UID; a function of what it is given."""
    data = Dataset()
    for module in (
        sop_common_module(SECONDARY_CAPTURE, uid),
        patient_module(exam.patient),
        general_study_module(
            exam.study_instance_uid,
            exam.created_at,
            accession_number=exam.accession_number,
            issuer_of_accession_number=exam.issuer_of_accession_number,
        ),
    ):
        data.update(module)
    if exam.patient is not None:
        data.update(more_of_patient_module(exam.patient))
    data.Modality = "SM"
    data.SeriesInstanceUID = uid_from("series of a thumbnail", uid)
    data.SeriesNumber, data.InstanceNumber = 1, 1
    data.SeriesDescription = "Lame virtuelle: aperçu / Virtual slide: preview"
    data.ConversionType = "WSD"
    data.Manufacturer, data.ManufacturerModelName = _MAKER.manufacturer, _MAKER.model_name
    data.SoftwareVersions = list(_MAKER.software_versions)
    data.SecondaryCaptureDeviceManufacturer = _MAKER.manufacturer
    data.ImageType = ["DERIVED", "SECONDARY", "THUMBNAIL"]
    data.DerivationDescription = "Preview of a whole slide image, not for diagnosis"
    data.PatientOrientation = []
    data.ImageLaterality = "U"
    data.BurnedInAnnotation = "NO"
    data.RecognizableVisualFeatures = "NO"
    if address is not None:
        data.ImageComments = f"Lame dans Sans Verre / Slide in Sans Verre: {address}"
    data.SamplesPerPixel, data.PhotometricInterpretation = 3, "YBR_FULL_422"
    data.PlanarConfiguration = 0
    data.Rows, data.Columns = drawn.height, drawn.width
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.LossyImageCompression = "01"
    ratio = drawn.width * drawn.height * 3 / len(drawn.jpeg)
    data.LossyImageCompressionRatio = f"{ratio:.1f}"
    data.LossyImageCompressionMethod = "ISO_10918_1"
    data.PixelData = encapsulate([drawn.jpeg])
    data["PixelData"].is_undefined_length = True
    data.file_meta = file_meta(SECONDARY_CAPTURE, uid, JPEGBaseline8Bit)
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()
