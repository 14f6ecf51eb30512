"""What the archive keeps: exams, their images, the stored objects, and the states of an image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from archive.described import Described
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
    """What was taken: a glass slide by a scanner, a photograph by a camera; or what was written."""

    SLIDE = "slide"
    PHOTO = "photo"
    REPORT = "report"
    """A document, which has no pixels: it is in no list of images."""


class ObjectRole(StrEnum):
    """What a stored object is for."""

    ORIGINAL = "original"
    LEVEL = "level"
    LABEL = "label"
    OVERVIEW = "overview"
    PREVIEW = "preview"
    """A small JPEG for lists."""
    PHOTO = "photo"
    DOCUMENT = "document"
    """A report, inside an instance."""
    TILE_MAP = "tile_map"
    """Where the tiles of the original lie, by which it is seen until it is converted."""


class JobState(StrEnum):
    """Where a job stands; done and failed are final."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


class Sent(StrEnum):
    """What a radiology archive is told of an instance."""

    OBJECT = "object"
    """The instance itself, as it is."""
    REJECTION = "rejection"
    """That it is not to be used any more (IHE IOCM)."""


class OutboxState(StrEnum):
    """How far an archive has been told; all but `waiting` are final."""

    WAITING = "waiting"
    ANSWERED = "answered"
    """It said that it has taken it."""
    COMMITTED = "committed"
    """It has promised to keep it (storage commitment)."""
    READ_BACK = "read-back"
    """It was asked afterwards, and shows what it should."""
    TASK = "task"
    """A person has to see to it, for the reason that is given."""
    SUPERSEDED = "superseded"
    """It was moved, or its kind taken no more, before it was sent or while it was."""


GRADES = (OutboxState.ANSWERED, OutboxState.COMMITTED, OutboxState.READ_BACK)
"""How well it is known that an archive has something, the best one last."""


class DepositState(StrEnum):
    """Whether files may still be added to a deposit."""

    OPEN = "open"
    CLOSED = "closed"


class FileState(StrEnum):
    """What became of a file of a deposit."""

    WAITING = "waiting"
    """Announced; nothing of it has come."""
    UPLOADING = "uploading"
    CHECKING = "checking"
    """Complete; it is examined once the deposit is closed."""
    UNASSIGNED = "unassigned"
    """Sound; it waits for its patient or order, or for one that suits it."""
    TAKEN = "taken"
    REFUSED = "refused"
    COMPANION = "companion"
    """It belongs to another file of the deposit, with which it was taken or waits."""


RECEIVING = frozenset({FileState.WAITING, FileState.UPLOADING})
"""The states in which more of a file is to come."""


class Reason(StrEnum):
    """Why a file is refused, or is not assigned though an order was given."""

    DIGEST = "digest"
    """Its bytes are not those that were announced."""
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    """Files that belong to it did not come with it; the detail names them."""
    PART = "part"
    """It belongs to a file that is refused, which the detail names."""
    TOO_HEAVY = "too-heavy"
    """Examining it took more time or memory than it may."""
    FAULT = "fault"
    """Examining it failed for reasons of this software."""
    IDENTITY = "identity"
    """The patient or the order does not suit it; the detail is the image that it is already."""
    BUILD = "build"
    """It was taken in, and could not be converted."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One immutable object of the store.

    `pixel_sha256` is the hexadecimal digest of the pixel data alone (of encapsulated frames, the
    items that hold them), so that it survives a corrected header. `sop_class_uid` and
    `sop_instance_uid` are None for what is not DICOM, `described` is given with a new instance, and
    read where queries are answered alone.
    """

    role: ObjectRole
    key: str
    length_bytes: int
    media_type: str
    level: int | None = None
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    pixel_sha256: str | None = None
    described: Described | None = field(default=None, compare=False)


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
    patient_key: str | None = None
    """What addresses name the patient by."""
    is_provisional: bool = False
    """Whether the accession number is ours, as no order was known."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some exams, newest first, and the `after` that gives the next ones (None at the end)."""

    exams: tuple[Exam, ...]
    after: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Assignment:
    """Whose files are, as whoever brings them says; its representation tells nothing of it."""

    patient: PatientIdentity | None = None
    accession_number: str | None = None
    issuer: str | None = None
    """Who gave the accession number."""

    def __repr__(self) -> str:
        return "Assignment(…)"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a deposit, on its way or arrived.

    `offset_bytes` is what is durable. `key` names its draft, and its object once it is taken.
    `sha256` is what whoever sends it says, `received_sha256` what came, where that is known.
    """

    id: str
    deposit_id: str
    path: str = field(repr=False)
    length_bytes: int
    offset_bytes: int
    key: str
    state: FileState
    sha256: str | None
    received_sha256: str | None
    reason: Reason | None
    detail: str | None
    """The reason's own words, where a reader had some."""
    expires_at: datetime
    image_id: str | None
    exam_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deposit:
    """The files that one person brings at once."""

    id: str
    establishment: str
    state: DepositState
    assignment: Assignment | None
    created_at: datetime
    attempt: int
    """How often a worker has begun with it; the fence of its lease."""
    session: str | None = None
    """Where it is one picture sent to a session: which."""
    files: tuple[Upload, ...] = ()
