"""Which image an instance is of, and what it adds to what is known of that image."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import instance_rows, outbox, reading, schema
from archive.errors import NotKept
from archive.received.arrived import Arrived, Part
from archive.received.outcome import Failure
from archive.reception import new_id
from archive.record import Image, ImageState, ObjectRole, StoredObject

PLAN = "received"
"""The plan of an image of which every instance is kept as it was sent."""
DICOM = "application/dicom"
_STEPS = (ImageState.OPENED, ImageState.BUILT)

Fits = Callable[[tuple[int, int], tuple[int, int]], bool]
"""Whether two sizes, the larger one first, are of levels of one picture."""

_instance, _series, _image = schema.instance.c, schema.series.c, schema.image.c


def image_of(
    connection: sa.Connection, exam_id: str, arrived: Arrived, fits: Fits, now: datetime
) -> Image:
    """The image that it is of: the first of its series to which it may belong, or a new one.

    Raises NotKept for a part that contradicts the parts that came before it.
    """
    there = _images_of_series(connection, exam_id, arrived)
    if arrived.part is not None:
        _require_beside(there, arrived, arrived.part)
    for image in there:
        if belongs(image, arrived, fits):
            return image
    image_id = new_id()
    mark = hashlib.sha256(f"{PLAN} {arrived.sop_instance_uid}".encode()).hexdigest()
    connection.execute(
        sa.insert(schema.image).values(
            id=image_id,
            exam_id=exam_id,
            kind=arrived.kind,
            state=ImageState.RECEIVED,
            source_sha256=mark,
            plan=PLAN,
            incarnation=0,
            facts={},
            created_at=now,
        )
    )
    return reading.image(connection, image_id, None)


def _images_of_series(connection: sa.Connection, exam_id: str, arrived: Arrived) -> list[Image]:
    query = (
        sa.select(_instance.image_id)
        .select_from(schema.instance.join(schema.series, _instance.series_id == _series.id))
        .where(
            _series.exam_id == exam_id,
            _series.series_instance_uid == arrived.described.series.series_instance_uid,
        )
        .distinct()
    )
    found = [
        reading.image(connection, one, None, hold=True) for one in sorted(connection.scalars(query))
    ]
    mine = [one for one in found if one.plan == PLAN and one.state is ImageState.PUBLISHED]
    return sorted(mine, key=lambda one: (one.created_at, one.id))


def belongs(image: Image, arrived: Arrived, fits: Fits) -> bool:
    """Whether an instance of its series may be a part of the image."""
    # A photograph is one instance.
    if image.kind is not arrived.kind or arrived.role is ObjectRole.PHOTO:
        return False
    sizes = [tuple(one) for one in image.facts["sizes"]]
    if arrived.role is not ObjectRole.LEVEL or not sizes:
        return True
    mine, size = image.facts["shown"], (arrived.width, arrived.height)
    shown = arrived.shown
    is_other = bool(mine[3] and shown.pyramid_uid and mine[3] != shown.pyramid_uid)
    if is_other or [shown.samples, shown.bits, shown.planes] != mine[:3]:
        return False
    if size in sizes:
        return bool(_known_parts(image.facts, arrived.part))
    large, small = sorted((max(sizes), size), reverse=True)
    return fits(large, small)


def _require_beside(there: Sequence[Image], arrived: Arrived, part: Part) -> None:
    """Raise NotKept where a part and those that came cannot be parts of one level."""
    for image in there:
        known = _known_parts(image.facts, part)
        is_same = not known or _size_of(image.facts, part) == (arrived.width, arrived.height)
        if not is_same or not all(part.is_beside(one) for one in known):
            raise NotKept("it contradicts the parts of its level here", Failure.DOES_NOT_MATCH)


def _known_parts(facts: Mapping[str, Any], part: Part | None) -> list[Part]:
    """What came of the level that it is a part of."""
    if part is None:
        return []
    known = facts.get("parts", {}).get(part.concatenation_uid, {"came": ()})
    return [Part(part.concatenation_uid, *one) for one in known["came"]]


def _size_of(facts: Mapping[str, Any], part: Part) -> tuple[int, int]:
    width, height = facts["parts"][part.concatenation_uid]["size"]
    return width, height


def add(
    connection: sa.Connection,
    image: Image,
    arrived: Arrived,
    key: str,
    length_bytes: int,
    now: datetime,
) -> None:
    """Add an instance to its image, which is published with its first."""
    is_level = arrived.role is ObjectRole.LEVEL
    one = StoredObject(
        arrived.role,
        key,
        length_bytes,
        DICOM,
        level=_level(arrived) if is_level else None,
        sop_class_uid=arrived.sop_class_uid,
        sop_instance_uid=arrived.sop_instance_uid,
        pixel_sha256=arrived.pixel_sha256,
        described=arrived.described,
    )
    instance_rows.add_objects(connection, image.id, [one])
    change = sa.update(schema.image).where(_image.id == image.id)
    connection.execute(change.values(facts=_facts(image, arrived, now)))
    if image.state is ImageState.PUBLISHED:
        return
    for state in _STEPS:
        connection.execute(change.values(state=state))
    connection.execute(change.values(state=ImageState.PUBLISHED, published_at=now))
    outbox.published(connection, reading.image(connection, image.id, None))


def _level(arrived: Arrived) -> int:
    """A number that is smaller for larger levels, whichever others are still to come."""
    return 32 - max(arrived.width, arrived.height).bit_length()


def _facts(image: Image, arrived: Arrived, now: datetime) -> dict[str, Any]:
    """What is known of the image: what its largest level says, with the barcode of its label."""
    known: Mapping[str, Any] = image.facts
    sizes = [tuple(one) for one in known.get("sizes", ())]
    size = (arrived.width, arrived.height)
    is_level = arrived.role is ObjectRole.LEVEL
    is_base = (is_level and (not sizes or size > max(sizes))) or not known
    facts = {**known, **arrived.facts} if is_base else dict(known)
    codes = [*known.get("barcodes", ()), *arrived.facts.get("barcodes", ())]
    facts["barcodes"] = list(dict.fromkeys(codes))
    facts["sizes"] = [*sizes, size] if is_level and size not in sizes else sizes
    if arrived.part is not None:
        facts["parts"] = _parts(known.get("parts", {}), arrived.part, size)
    shown = arrived.shown
    if is_level or "shown" not in facts:
        uid = shown.pyramid_uid or (known["shown"][3] if sizes else "")
        facts["shown"] = [shown.samples, shown.bits, shown.planes, uid]
    facts["grew_at"] = now.isoformat()
    return facts


def _parts(known: Mapping[str, Any], part: Part, size: tuple[int, int]) -> dict[str, Any]:
    """The levels that come in parts, by concatenation: what came of each."""
    before = known.get(part.concatenation_uid, {"came": []})
    own = [part.number, part.total, part.first, part.frames, part.alike]
    return {**known, part.concatenation_uid: {"size": size, "came": [*before["came"], own]}}
