"""What leaves an establishment: pictures taken out, or shown to a colleague of another one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.lesion import Photograph
from archive.session import Purpose


class Way(StrEnum):
    """How pictures leave."""

    JPEG = "jpeg"
    PDF = "pdf"
    ADVICE = "advice"
    """Shown to a colleague of another establishment, until the request is closed."""


class Obstacle(StrEnum):
    """Why pictures stay."""

    UNPUBLISHED = "unpublished"
    PATIENTS = "patients"
    """They are of several patients, one of whom would be taken for the other."""
    CONSENT = "consent"
    """Nobody has consented to this purpose."""
    RECOGNIZABLE = "recognizable"
    """Somebody may be known by them, and no rule of the site lets them go."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is to leave, and how; `is_named` is whether the patient's name goes with it."""

    way: Way
    purpose: Purpose
    images: tuple[str, ...]
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """What left: who let it go is a user's `subject`."""

    id: str
    establishment: str
    by: str
    at: datetime
    leaving: Leaving


def is_kept_in(photograph: Photograph | None) -> bool:
    """Whether the picture leaves only by a rule of the site; None for one of which nothing is said.

    There is no such rule yet.
    """
    return photograph is not None and photograph.capture.is_recognizable
