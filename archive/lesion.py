"""A lesion: whose it is, where on the body, and what became of it; pure facts, no database."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from archive.body_site import BodySite, Side
from archive.capture import Capture
from archive.errors import InvalidCapture
from archive.identity import LO_CHARACTERS, PatientIdentity, checked_name, checked_text, uid_from


class MapView(StrEnum):
    """The drawings of the body on which a lesion may be marked."""

    FRONT = "front"
    BACK = "back"
    FACE = "face"
    SCALP = "scalp"
    HANDS = "hands"
    FEET = "feet"


class LesionEventKind(StrEnum):
    """What a lesion's history is made of; it is first seen once, and excised once at most."""

    FIRST_SEEN = "first-seen"
    FOLLOWED = "followed"
    EXCISED = "excised"
    HEALED = "healed"


@dataclass(frozen=True, slots=True)
class MapPosition:
    """A point of a drawing, in fractions of its width and height; raises InvalidCapture."""

    view: MapView
    x: float
    y: float

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise InvalidCapture("The position lies beside the body map; give fractions, 0 to 1.")


@dataclass(frozen=True, slots=True)
class LesionEvent:
    """A day of a lesion's history; `by` is a DICOM name. Raises InvalidIdentity."""

    kind: LesionEventKind
    on: date
    by: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", checked_name("name of who recorded it", self.by))


@dataclass(frozen=True, slots=True)
class LesionSaid:
    """What is said of a lesion; raises InvalidSite, InvalidCapture and InvalidIdentity.

    `side` may be left out where the body has one of the site.
    """

    site: BodySite
    side: Side | None = None
    label: str = field(default="", repr=False)
    position: MapPosition | None = None

    def __post_init__(self) -> None:
        side = self.site.side(self.side)
        if side is Side.BOTH:
            raise InvalidCapture("A lesion is on one side; say which, L or R.")
        object.__setattr__(self, "side", side)
        object.__setattr__(self, "label", checked_text("lesion's label", self.label, LO_CHARACTERS))


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion of a patient, with its history in order of time."""

    id: str
    establishment: str
    patient_key: str
    number: int
    """Counted from 1 for each patient."""
    tracking_uid: str
    said: LesionSaid
    created_at: datetime
    events: tuple[LesionEvent, ...] = ()

    @property
    def tracking_id(self) -> str:
        """What every picture of it calls it (DICOM's TrackingID)."""
        return f"L{self.number}"

    @property
    def status(self) -> LesionEventKind:
        """What was recorded of it last."""
        return self.events[-1].kind if self.events else LesionEventKind.FIRST_SEEN


@dataclass(frozen=True, slots=True)
class Photograph:
    """What is stated of an image: the capture, and the ids of what it shows and refers to."""

    image_id: str
    capture: Capture
    lesion: str | None = None
    overview: str | None = None
    """The photograph in which the lesion is located."""
    earlier: str | None = None
    """A photograph of the lesion at a visit before."""


def tracking_uid(establishment: str, patient: PatientIdentity, number: int) -> str:
    """The TrackingUID of a patient's lesion, a function of whose it is and its number."""
    return uid_from("lesion", establishment, patient.issuer, patient.patient_id, str(number))


def require_history(events: tuple[LesionEvent, ...], new: LesionEvent, today: date) -> None:
    """Raise InvalidCapture where the new event cannot be in this history."""
    if new.on > today:
        raise InvalidCapture("The date is yet to come; give the day on which it happened.")
    if new.kind is LesionEventKind.FIRST_SEEN and events:
        raise InvalidCapture("The lesion was first seen already; it is followed from then on.")
    if events and new.on < events[0].on:
        raise InvalidCapture("The date is before the lesion was first seen; correct it.")
    if new.kind is LesionEventKind.EXCISED and any(one.kind is new.kind for one in events):
        raise InvalidCapture("The lesion was excised already; what grows again is a new lesion.")
