"""The way of a photograph into the archive: received → opened → built → published.

Every step ends in a state of the image and can be repeated: whoever runs `ingest_photo` again,
after a crash or elsewhere, goes on from the state it finds. Objects become the image's in the same
transaction as the state that promises them; what a crash leaves in the store without an owner is
swept later.
"""

import tempfile
from pathlib import Path

from archive.capture import LOCATING, View
from archive.catalog import Catalog
from archive.described import described
from archive.jobs import Job
from archive.reading_aids import RulerReading
from archive.record import Image, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from dermato.glance import facts_of, preview
from dermato.header import header
from dermato.photo import Photo, open_photo
from dermato.ruler import VERSION, NoScale, Scale, read_ruler
from dermato.stated import context_of
from tiles.codec import decode
from tiles.frames import InMemory, write_instance

DICOM = "application/dicom"
JPEG = "image/jpeg"


def ingest_photo(
    original: Path,
    image: Image,
    catalog: Catalog,
    storage: Storage,
    *,
    attempt: Job | None = None,
) -> Image:
    """Bring a received photograph to publication, from whatever state it has reached.

    `original` is the camera's file as received; the catalogue's own copy of it, with all that it
    says of place and person, is deleted once the image is published. `attempt` is the job that
    this is, so that a worker which lost its lease changes nothing. Raises what opening raises
    (PhotoError), LeaseLost and StorageFailure; the image stays in the state it reached.
    """
    if image.state in {ImageState.RECEIVED, ImageState.OPENED}:
        photo = open_photo(original)
        if image.state is ImageState.RECEIVED:
            image = catalog.advance(
                image.id, ImageState.OPENED, facts=facts_of(photo), attempt=attempt
            )
        said = catalog.photographs.photograph(image.id, establishment=None)
        if said is not None and said.capture.mm_per_pixel is None:
            _read_ruler(said.capture.view, photo, image, catalog)
        objects = _build(photo, image, catalog, storage)
        image = catalog.advance(
            image.id,
            ImageState.BUILT,
            facts={"covered": said.capture.cover if said else None},
            add_objects=objects,
            attempt=attempt,
        )
    if image.state is ImageState.BUILT:
        image = catalog.advance(image.id, ImageState.PUBLISHED, attempt=attempt)
    if image.state is ImageState.PUBLISHED:
        for one in catalog.remove_objects(image.id, ObjectRole.ORIGINAL, attempt=attempt):
            storage.delete(one.key)
    return catalog.image(image.id, establishment=None)


def _read_ruler(view: View, photo: Photo, image: Image, catalog: Catalog) -> None:
    """Keep what scale a ruler beside a lesion gives, for who looks at it: no header has it."""
    if view not in LOCATING and catalog.aids.ruler(image.id) is None:
        catalog.aids.keep_ruler(reading_of(image.id, read_ruler(decode(photo.whole))))


def reading_of(image_id: str, found: Scale | NoScale) -> RulerReading:
    """What was found of a ruler, as the catalogue keeps it."""
    if isinstance(found, NoScale):
        return RulerReading(image_id, VERSION, reason=found.why)
    return RulerReading(
        image_id, VERSION, found.mm_per_pixel, found.uncertainty, found.angle_deg, found.marks
    )


def _build(photo: Photo, image: Image, catalog: Catalog, storage: Storage) -> list[StoredObject]:
    """Write the instance in a scratch folder and store it, with its preview."""
    exam = catalog.exam(image.exam_id, establishment=None, states=tuple(ImageState))
    data = header(photo, context_of(image, exam, catalog, storage))
    # Of a picture that was looked at before there is a small one already.
    small = [] if image.objects_as(ObjectRole.PREVIEW) else [_keep_preview(photo, storage)]
    with tempfile.TemporaryDirectory(prefix="sansverre-") as scratch:
        written = write_instance(Path(scratch, "photo.dcm"), data, InMemory((photo.whole.data,)))
        pixel_sha256 = written.pixel_sha256()
        key = storage.put(written.path)
    return [
        StoredObject(
            ObjectRole.PHOTO,
            key,
            written.length_bytes,
            DICOM,
            sop_class_uid=data.SOPClassUID,
            sop_instance_uid=data.SOPInstanceUID,
            pixel_sha256=pixel_sha256,
            described=described(data),
        ),
        *small,
    ]


def _keep_preview(photo: Photo, storage: Storage) -> StoredObject:
    data = preview(photo)
    return StoredObject(ObjectRole.PREVIEW, storage.put_bytes(data), len(data), JPEG)
