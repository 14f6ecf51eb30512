"""What the catalogue knows of a photograph, as its header needs it."""

from io import BytesIO

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from archive.catalog import Catalog
from archive.record import Exam, Image, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from dermato.clinical import Reference, Stated, Tracking
from dermato.header import Context

_SERIES_INSTANCE_UID = 0x0020000E
_HEAD_BYTES = 1 << 16
"""Where the series is told: all that stands before it is short."""


def context_of(image: Image, exam: Exam, catalog: Catalog, storage: Storage) -> Context:
    """Whose photograph it is, and what is stated of it; raises StorageFailure."""
    return _context(image, exam, _stated(image, exam, catalog, storage))


def _context(image: Image, exam: Exam, stated: Stated | None) -> Context:
    return Context(
        seed=(
            image.source_sha256,
            exam.establishment,
            exam.study_instance_uid,
            str(image.incarnation),
        ),
        study_instance_uid=exam.study_instance_uid,
        study_at=exam.created_at,
        patient=exam.patient,
        accession_number=exam.accession_number,
        issuer_of_accession_number=exam.issuer_of_accession_number,
        stated=stated,
    )


def _stated(image: Image, exam: Exam, catalog: Catalog, storage: Storage) -> Stated | None:
    said = catalog.photographs.photograph(image.id, establishment=None)
    if said is None:
        return None
    tracking = None
    if said.lesion is not None:
        lesion = catalog.lesions.lesion(said.lesion, establishment=None)
        tracking = Tracking(lesion.tracking_id, lesion.tracking_uid)
    return Stated(
        said.capture,
        exam.establishment,
        tracking,
        overview=_reference(said.overview, catalog, storage),
        earlier=_reference(said.earlier, catalog, storage),
    )


def _reference(image_id: str | None, catalog: Catalog, storage: Storage) -> Reference | None:
    """Another photograph as it is stored; as it will be, where it is still to be built."""
    if image_id is None:
        return None
    image = catalog.image(image_id, establishment=None)
    exam = catalog.exam(image.exam_id, establishment=None, states=tuple(ImageState))
    for one in image.objects_as(ObjectRole.PHOTO):
        return Reference(
            exam.study_instance_uid,
            _series_of(one, storage),
            str(one.sop_class_uid),
            str(one.sop_instance_uid),
        )
    said = catalog.photographs.photograph(image_id, establishment=None)
    own = Stated(said.capture, exam.establishment) if said else None
    context = _context(image, exam, own)
    return Reference(
        exam.study_instance_uid,
        context.uid("series"),
        context.sop_class_uid,
        context.sop_instance_uid,
    )


def _series_of(one: StoredObject, storage: Storage) -> str:
    head = storage.read_range(one.key, 0, min(one.length_bytes, _HEAD_BYTES))
    data = read_partial(
        BytesIO(head),
        stop_when=_is_after_the_series,
        specific_tags=[BaseTag(_SERIES_INSTANCE_UID)],
    )
    return str(data.SeriesInstanceUID)


def _is_after_the_series(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > _SERIES_INSTANCE_UID
