"""The header of an instance as an archive gets it, where that is not as it is kept here."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from archive.incarnation import Incarnation
from archive.record import Exam
from archive.reincarnation import reincarnated
from archive.telling.forms import VL_PHOTOGRAPHIC, uid_as
from archive.telling.rules import Form

_OF_A_DERMOSCOPE = (
    *("LightSourcePolarization", "EmitterColorTemperature", "ContactMethod", "ImmersionMedia"),
    *("OpticalMagnificationFactor", "FrameOfReferenceUID", "PositionReferenceIndicator"),
)


def incarnated(header: Dataset, exam: Exam, incarnation: int) -> Dataset:
    """Change a header in place to that of an incarnation in the exam that `exam_of` gives.

    The patient is the same person, so that the lesion stays; pictures that it refers to are known
    to the archive by other names, and are not named.
    """
    if incarnation == 0:
        return header
    tracking = header.get("TrackingID"), header.get("TrackingUID")
    lesion = (str(tracking[0]), str(tracking[1])) if all(tracking) else None
    return reincarnated(header, Incarnation(exam, incarnation, tracking=lesion))


def as_photograph(header: Dataset) -> Dataset:
    """Change the header of a dermoscopic photograph in place to that of a plain one.

    For an archive that refuses the class. The pixels are the same; the source is named, and what
    only a dermoscope has is gone from it (PS3.3 A.32.4).
    """
    source, purpose = Dataset(), Dataset()
    source.ReferencedSOPClassUID = header.SOPClassUID
    source.ReferencedSOPInstanceUID = header.SOPInstanceUID
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121326", "DCM"
    purpose.CodeMeaning = "Alternate SOP Class instance"
    source.PurposeOfReferenceCodeSequence = Sequence([purpose])
    for keyword in _OF_A_DERMOSCOPE:
        if keyword in header:
            del header[keyword]
    header.SourceImageSequence = Sequence([source])
    header.ImageType = ["DERIVED", "PRIMARY"]
    header.DerivationDescription = "Dermoscopic photograph, told of as a plain one"
    header.Modality = "XC"
    header.SOPClassUID = VL_PHOTOGRAPHIC
    header.SOPInstanceUID = uid_as(Form.PHOTOGRAPH, str(header.SOPInstanceUID))
    header.SeriesInstanceUID = uid_as(Form.PHOTOGRAPH, str(header.SeriesInstanceUID))
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    return header
