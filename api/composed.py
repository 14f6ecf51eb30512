"""What leaves for an archive, as a file: today's identity before stored pixels, or something made.

Nothing of it is kept: it is a function of the catalogue and the store.
"""

import io
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path

import segno
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from pydicom.dataset import Dataset

from api.cutting import DAMAGED, write_part
from api.work import Workplace
from archive.concatenation import as_part
from archive.errors import StorageFailure
from archive.identity import uid_from
from archive.record import Exam, Image, ObjectRole, StoredObject
from archive.telling.forms import exam_of
from archive.telling.headers import as_photograph, incarnated
from archive.telling.key_objects import MANIFEST, Document, Reference, key_objects
from archive.telling.rows import Telling
from archive.telling.rules import Form
from archive.telling.thumbnail import Drawn, thumbnail
from archive.today import brought_up_to_date, says_today
from tiles.decoded import instance_header, items_sha256
from tiles.instance import read_header
from tiles.reheader import reheader

DICOM = "application/dicom"
_WIDTH, _STRIP, _TEXT = 512, 132, 15
_WORDS = (
    "Aperçu seul, impropre au diagnostic.",
    "La lame est dans Sans Verre.",
    "Preview only, not for diagnosis.",
    "The slide is in Sans Verre.",
)


def composed(
    place: Workplace,
    telling: Telling,
    today: Exam,
    image: Image,
    folder: Path,
    meanwhile: Callable[[], None],
) -> Path | None:
    """The file that leaves; None where the object is no longer ours, as it was moved.

    `meanwhile` is called for every part that is laid out or written.
    """
    stored = next((o for o in image.objects if o.sop_instance_uid == telling.object_uid), None)
    if stored is None:
        return None
    if telling.form is Form.THUMBNAIL:
        return _kept(_thumbnail(place, telling, today, image), folder)
    if telling.form is Form.MANIFEST:
        return _kept(_manifest(place, telling, today, image), folder)
    exam = exam_of(today, telling.remote, telling.incarnation)
    before, after = folder / "stored.dcm", folder / "sent.dcm"
    change = partial(_changed, telling, exam)
    if telling.part is not None:
        write_part(place, stored, telling.part, after, change, meanwhile)
        return after
    place.storage.lay_out(stored.key, stored.length_bytes, before, meanwhile)
    if stored.pixel_sha256 is not None and stored.pixel_sha256 != items_sha256(before):
        raise StorageFailure(DAMAGED)
    meanwhile()
    is_own = telling.incarnation == 0 and telling.form is Form.AS_IT_IS
    if is_own and says_today(instance_header(before), exam):
        return before
    reheader(before, after, change, lambda *_: meanwhile())
    return after


def address_of(place: Workplace, image: Image) -> str | None:
    """Where people see an image here; None where nobody stated by which address we are reached."""
    return f"{place.public_url}/view/{image.id}" if place.public_url else None


def _kept(data: bytes, folder: Path) -> Path:
    path = folder / "sent.dcm"
    path.write_bytes(data)
    return path


def _changed(telling: Telling, exam: Exam, header: Dataset) -> Dataset:
    header = brought_up_to_date(header, exam)
    if telling.form is Form.PHOTOGRAPH:
        header = as_photograph(header)
    if telling.part is not None:
        header = as_part(header, telling.part)
    return incarnated(header, exam, telling.incarnation)


def _manifest(place: Workplace, telling: Telling, today: Exam, image: Image) -> bytes:
    """The names of an image's instances, as they are here: from here they are had."""
    url = f"{place.public_url}/dicomweb/studies/" if place.public_url else None
    named = [
        Reference(
            _series_of(place, one),
            str(one.sop_class_uid),
            str(one.sop_instance_uid),
            f"{url}{today.study_instance_uid}" if url else None,
        )
        for one in image.objects
        if one.media_type == DICOM and one.role is not ObjectRole.LABEL
    ]
    uid = telling.sop_instance_uid
    at = telling.created_at.astimezone(UTC)
    series = uid_from("series of a manifest", uid)
    exam = exam_of(today, telling.remote, telling.incarnation)
    # An archive may know the exam as another study; what is named is had from here.
    document = Document(uid, series, MANIFEST, at, "manifest-1", today.study_instance_uid)
    return key_objects(exam, document, named)


def _series_of(place: Workplace, one: StoredObject) -> str:
    header, _ = read_header(
        lambda offset, length: place.storage.read_range(one.key, offset, length), one.length_bytes
    )
    return str(header.SeriesInstanceUID)


def _thumbnail(place: Workplace, telling: Telling, today: Exam, image: Image) -> bytes:
    preview = image.objects_as(ObjectRole.PREVIEW)
    data = place.storage.read_range(preview[0].key, 0, preview[0].length_bytes) if preview else None
    address = address_of(place, image)
    exam = exam_of(today, telling.remote, telling.incarnation)
    return thumbnail(exam, telling.sop_instance_uid, drawn(data, address), address)


def drawn(preview: bytes | None, address: str | None) -> Drawn:
    """A preview above a strip that says what it is, with the slide's address as a code."""
    small = Picture.open(io.BytesIO(preview)).convert("RGB") if preview else None
    if small is not None:
        small.thumbnail((_WIDTH, _WIDTH))
    height = small.height if small is not None else 0
    # Even, as chroma is halved across.
    canvas = Picture.new("RGB", (_WIDTH, height + height % 2 + _STRIP), "white")
    if small is not None:
        canvas.paste(small, ((_WIDTH - small.width) // 2, 0))
    strip = canvas.height - _STRIP
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(_TEXT)
    for number, line in enumerate(_WORDS):
        pen.text((12, strip + 14 + number * 26), line, "black", font)
    if address is not None:
        code = io.BytesIO()
        segno.make(address, error="m", micro=False).save(code, kind="png", scale=3, border=2)
        square = Picture.open(code).convert("RGB")
        square = square.resize((_STRIP - 8, _STRIP - 8), Picture.Resampling.NEAREST)
        canvas.paste(square, (_WIDTH - square.width - 4, strip + 4))
    jpeg = io.BytesIO()
    canvas.save(jpeg, "JPEG", quality=90, subsampling="4:2:2")
    return Drawn(jpeg.getvalue(), canvas.width, canvas.height)
