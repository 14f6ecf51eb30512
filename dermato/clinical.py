"""What a photograph's header says of the body, the lesion, the camera and other photographs.

Functions from what is stated (`archive.capture`) to pydicom Datasets that are merged into the
header. The codes are those of PS3.16.
"""

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.valuerep import DSfloat

from archive.capture import Capture, Contact, Dermoscopy, Operator, View

LOCALIZER = Code("121311", "DCM", "Localizer")
TEMPORAL_PREDECESSOR = Code("121348", "DCM", "Temporal Predecessor")
FITZPATRICK_SKIN_TYPE = Code("66472-2", "LN", "Fitzpatrick Skin Type")
PHOTOTYPES = tuple(
    Code(f"C{74569 + number}", "LN", f"Fitzpatrick Skin Type {roman}")
    for number, roman in enumerate(("I", "II", "III", "IV", "V", "VI"))
)
"""CID 4401, from I to VI."""

RPPS = "99RPPS"
RPPS_UID = "1.2.250.1.71.4.2.1"
_DESCRIPTIONS = {
    View.OVERVIEW: "Overview",
    View.CLOSE_UP: "Close-up",
    View.DERMOSCOPY: "Dermoscopy",
    View.TOTAL_BODY: "Total body",
}


@dataclass(frozen=True, slots=True)
class Tracking:
    """The lesion as every picture of it names it (PS3.3 C.8.12.16)."""

    tracking_id: str
    tracking_uid: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A stored photograph that another refers to."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What is stated of a photograph, with what its links lead to."""

    capture: Capture
    institution: str
    lesion: Tracking | None = None
    overview: Reference | None = None
    """The photograph in which this one's lesion is located."""
    earlier: Reference | None = None
    """The lesion at the visit before."""


def clinical_module(stated: Stated, study_instance_uid: str) -> Dataset:
    """All of it but what belongs to dermoscopy alone."""
    capture = stated.capture
    data = Dataset()
    data.AnatomicRegionSequence = Sequence([coded(_site(capture))])
    data.ImageLaterality = str(capture.side)
    data.SeriesDescription = _DESCRIPTIONS[capture.view]
    data.AcquisitionContextSequence = Sequence(_acquisition_context(capture))
    if stated.lesion is not None:
        data.TrackingID = stated.lesion.tracking_id
        data.TrackingUID = stated.lesion.tracking_uid
    if capture.mm_per_pixel is not None:
        data.PixelSpacing = [decimal(spacing) for spacing in capture.mm_per_pixel]
    if capture.is_recognizable:
        data.RecognizableVisualFeatures = "YES"
    if capture.operator is not None:
        data.update(_operator(capture.operator, stated.institution))
    data.update(_references(stated, study_instance_uid))
    return data


def dermoscopic_module(used: Dermoscopy, frame_of_reference_uid: str) -> Dataset:
    """Dermoscopic Image (PS3.3 C.8.12.16), and the frame of reference that validators ask for."""
    data = Dataset()
    data.LightSourcePolarization = str(used.polarization or "")
    data.EmitterColorTemperature = decimal(used.colour_temperature_k)
    data.ContactMethod = str(used.contact or "")
    if used.contact is Contact.CONTACT:
        data.ImmersionMedia = str(used.immersion or "")
    data.OpticalMagnificationFactor = decimal(used.magnification)
    data.RecognizableVisualFeatures = "NO"
    data.FrameOfReferenceUID = frame_of_reference_uid
    data.PositionReferenceIndicator = ""
    return data


def coded(code: Code) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _site(capture: Capture) -> Code:
    site = capture.site
    return Code(site.code, site.scheme, site.en)


def _acquisition_context(capture: Capture) -> list[Dataset]:
    if capture.phototype is None:
        return []
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = Sequence([coded(FITZPATRICK_SKIN_TYPE)])
    item.ConceptCodeSequence = Sequence([coded(PHOTOTYPES[capture.phototype - 1])])
    return [item]


def _operator(operator: Operator, institution: str) -> Dataset:
    """General Series (PS3.3 C.7.3.1): the name, and the number where one is known."""
    data = Dataset()
    data.OperatorsName = operator.name
    if operator.rpps is not None:
        person, scheme = Dataset(), Dataset()
        meaning = " ".join(operator.name.partition("=")[0].replace("^", " ").split())
        person.PersonIdentificationCodeSequence = Sequence(
            [coded(Code(operator.rpps, RPPS, meaning))]
        )
        person.InstitutionName = institution
        data.OperatorIdentificationSequence = Sequence([person])
        scheme.CodingSchemeDesignator = RPPS
        scheme.CodingSchemeUID = RPPS_UID
        data.CodingSchemeIdentificationSequence = Sequence([scheme])
    return data


def _references(stated: Stated, study_instance_uid: str) -> Dataset:
    """General Reference (C.7.6.16.2.17) and Common Instance Reference (C.12.2)."""
    data = Dataset()
    pairs = [(stated.overview, LOCALIZER), (stated.earlier, TEMPORAL_PREDECESSOR)]
    named = [(reference, purpose) for reference, purpose in pairs if reference is not None]
    if not named:
        return data
    images = []
    for reference, purpose in named:
        image = _instance(reference)
        image.PurposeOfReferenceCodeSequence = Sequence([coded(purpose)])
        images.append(image)
    data.ReferencedImageSequence = Sequence(images)
    studies: dict[str, dict[str, dict[str, Reference]]] = {}
    for reference, _ in named:
        series = studies.setdefault(reference.study_instance_uid, {})
        series.setdefault(reference.series_instance_uid, {})[reference.sop_instance_uid] = reference
    if study_instance_uid in studies:
        data.ReferencedSeriesSequence = Sequence(_series(studies.pop(study_instance_uid)))
    others = []
    for uid, series in studies.items():
        study = Dataset()
        study.StudyInstanceUID = uid
        study.ReferencedSeriesSequence = Sequence(_series(series))
        others.append(study)
    if others:
        data.StudiesContainingOtherReferencedInstancesSequence = Sequence(others)
    return data


def _series(named: dict[str, dict[str, Reference]]) -> list[Dataset]:
    found = []
    for uid, instances in named.items():
        series = Dataset()
        series.SeriesInstanceUID = uid
        series.ReferencedInstanceSequence = Sequence(map(_instance, instances.values()))
        found.append(series)
    return found


def _instance(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def decimal(value: float | None) -> DSfloat | None:
    """A number as DICOM writes it in sixteen characters; None for none."""
    return None if value is None else DSfloat(value, auto_format=True)
