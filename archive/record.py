"""What the archive keeps: exams, their images, the stored objects, and the states of an image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from archive.identity import PatientIdentity


class ImageState(StrEnum):
    """How far an image has come: received → opened → built → published, or refused."""

    RECEIVED = "received"
    OPENED = "opened"
    BUILT = "built"
    PUBLISHED = "published"
    REFUSED = "refused"


TRANSITIONS: frozenset[tuple[ImageState, ImageState]] = frozenset(
    {
        (ImageState.RECEIVED, ImageState.OPENED),
        (ImageState.OPENED, ImageState.BUILT),
        (ImageState.BUILT, ImageState.PUBLISHED),
        (ImageState.RECEIVED, ImageState.REFUSED),
        (ImageState.OPENED, ImageState.REFUSED),
        (ImageState.BUILT, ImageState.REFUSED),
        (ImageState.REFUSED, ImageState.RECEIVED),
    }
)
"""Every (from, to) an image may take; the database holds the same table and enforces it."""


class ImageKind(StrEnum):
    """What was taken: a glass slide by a scanner, or a photograph by a camera."""

    SLIDE = "slide"
    PHOTO = "photo"


class ObjectRole(StrEnum):
    """What a stored object is for."""

    ORIGINAL = "original"
    LEVEL = "level"
    LABEL = "label"
    OVERVIEW = "overview"
    PREVIEW = "preview"
    """A small JPEG for lists."""
    PHOTO = "photo"
    TILE_MAP = "tile_map"
    """Where the tiles of the original lie, by which it is seen until it is converted."""


class JobState(StrEnum):
    """Where a job stands; done and failed are final."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One immutable object of the store.

    `pixel_sha256` is the hexadecimal digest of the pixel data alone (of encapsulated frames, the
    items that hold them), so that it survives a corrected header. `sop_class_uid` and
    `sop_instance_uid` are None for what is not DICOM.
    """

    role: ObjectRole
    key: str
    length_bytes: int
    media_type: str
    level: int | None = None
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    pixel_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """One slide or photograph of an exam.

    `facts` is JSON: sizes, `mpp_um`, `objective_power`, scanner and the like. `reason` says why an
    image is refused and is None in every other state. `incarnation` counts the patients an image
    has been moved through and is a part of its UIDs.
    """

    id: str
    exam_id: str
    kind: ImageKind
    state: ImageState
    source_sha256: str
    plan: str
    facts: Mapping[str, Any]
    reason: str | None
    created_at: datetime
    published_at: datetime | None
    incarnation: int = 0
    objects: tuple[StoredObject, ...] = ()

    def objects_as(self, role: ObjectRole) -> tuple[StoredObject, ...]:
        """The objects of one role, levels from the largest (0) to the smallest."""
        return tuple(one for one in self.objects if one.role is role)


@dataclass(frozen=True, slots=True)
class Exam:
    """One study of one establishment, with the images asked for."""

    id: str
    establishment: str
    patient: PatientIdentity | None
    accession_number: str | None = field(repr=False)
    issuer_of_accession_number: str | None
    study_instance_uid: str
    created_at: datetime
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some exams, newest first, and the `after` that gives the next ones (None at the end)."""

    exams: tuple[Exam, ...]
    after: str | None
