"""The header of an instance that moves to another patient: whose it is now, under new UIDs."""

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from archive.incarnation import Incarnation
from archive.modules import general_study_module, patient_module
from archive.today import in_utf8, without_patient

_OWN = frozenset(
    {
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "PyramidUID",
        "SpecimenUID",
        "ConcatenationUID",
        "SOPInstanceUIDOfConcatenationSource",
        "ReferencedSOPInstanceUID",
    }
)
"""What names this image or what it was made of; all that is not in it is of a class or a code."""
_REFERENCES = (
    "ReferencedImageSequence",
    "ReferencedSeriesSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
)
_LOCALIZER = "121311"


def reincarnated(header: Dataset, new: Incarnation) -> Dataset:
    """Change a header in place to that of the new incarnation, and give it.

    Its lesion, and references to pictures that stay with the patient before, are gone. Whoever
    took the picture, when, and what it shows of the body, stays as it is.
    """
    exam = new.exam
    without_patient(in_utf8(header))
    for keyword in ("IssuerOfAccessionNumberSequence", "TrackingID", "TrackingUID"):
        _drop(header, keyword)
    localizers = [
        one for one in header.get("ReferencedImageSequence") or () if _is_kept_localizer(one, new)
    ]
    series = list(_kept_series(header, localizers))
    for keyword in _REFERENCES:
        _drop(header, keyword)
    if localizers:
        header.ReferencedImageSequence = Sequence(localizers)
        header.ReferencedSeriesSequence = Sequence(series)
    for element in header.iterall():
        if element.keyword in _OWN and element.value:
            element.value = new.uid(str(element.value))
    header.update(patient_module(exam.patient))
    header.update(
        general_study_module(
            exam.study_instance_uid,
            exam.created_at,
            accession_number=exam.accession_number,
            issuer_of_accession_number=exam.issuer_of_accession_number,
        )
    )
    if new.tracking is not None:
        header.TrackingID, header.TrackingUID = new.tracking
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    return header


def _drop(header: Dataset, keyword: str) -> None:
    if keyword in header:
        del header[keyword]


def _is_kept_localizer(item: Dataset, new: Incarnation) -> bool:
    purpose = item.get("PurposeOfReferenceCodeSequence") or [Dataset()]
    return (
        purpose[0].get("CodeValue") == _LOCALIZER
        and str(item.get("ReferencedSOPInstanceUID")) in new.kept
    )


def _kept_series(header: Dataset, localizers: list[Dataset]) -> Iterator[Dataset]:
    """The series of what is still referred to: what moves together is of one study."""
    uids = {str(one.ReferencedSOPInstanceUID) for one in localizers}
    for series in header.get("ReferencedSeriesSequence") or ():
        instances = [
            one
            for one in series.ReferencedInstanceSequence
            if str(one.ReferencedSOPInstanceUID) in uids
        ]
        if instances:
            series.ReferencedInstanceSequence = Sequence(instances)
            yield series
