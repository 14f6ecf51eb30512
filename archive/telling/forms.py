"""An instance as an archive gets it, where that is not as it is kept here."""

from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from archive.identity import uid_from
from archive.record import Exam
from archive.reincarnation import Incarnation, reincarnated
from archive.telling.key_objects import KEY_OBJECT_SELECTION
from archive.telling.rules import Form

VL_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CLASS_OF = {
    Form.PHOTOGRAPH: VL_PHOTOGRAPHIC,
    Form.THUMBNAIL: SECONDARY_CAPTURE,
    Form.MANIFEST: KEY_OBJECT_SELECTION,
}
"""Of which class an instance is that takes another form."""

_OF_A_DERMOSCOPE = (
    *("LightSourcePolarization", "EmitterColorTemperature", "ContactMethod", "ImmersionMedia"),
    *("OpticalMagnificationFactor", "FrameOfReferenceUID", "PositionReferenceIndicator"),
)


def exam_of(exam: Exam, remote: str, incarnation: int) -> Exam:
    """The exam as an archive knows it: a study of its own after each correction by rejection.

    There one study would otherwise be of two patients.
    """
    if incarnation == 0:
        return exam
    study = exam.study_instance_uid
    uid = uid_from("study of a correction", remote, study, str(incarnation))
    return replace(exam, study_instance_uid=uid)


def uid_as(form: Form, uid: str) -> str:
    """The UID of what one of our instances is told of in that form."""
    return uid if form is Form.AS_IT_IS else uid_from("told of as", form, uid)


def known_as(form: Form, uid: str, exam: Exam, remote: str, incarnation: int) -> str:
    """What an archive knows one of our instances by; another one for each archive."""
    if incarnation == 0:
        return uid_as(form, uid)
    return Incarnation(exam_of(exam, remote, incarnation), incarnation).uid(uid_as(form, uid))


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
