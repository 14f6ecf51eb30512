"""What leaves an establishment: pictures taken out, or shown to a colleague of another one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive.lesion import Photograph
from archive.session import Answer, Consent, Purpose


class Way(StrEnum):
    """How pictures leave."""

    JPEG = "jpeg"
    PDF = "pdf"
    ADVICE = "advice"
    """Shown to a colleague of another establishment, until the request is closed."""
    LINK = "link"
    """Shown for a while to whoever opened a link, who needs no account here."""


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


class CoveredLeave(StrEnum):
    """A site's rule for pictures that are intimate, or by which somebody may be known."""

    NEVER = "never"
    CONSENT = "consent"
    """Where a consent to the very purpose is recorded, care included."""
    ALWAYS = "always"


def is_kept_in(photograph: Photograph | None) -> bool:
    """Whether a picture leaves only by a rule of the site; None is one of which nothing is said."""
    return photograph is not None and photograph.capture.cover is not None


def may_leave_covered(rule: CoveredLeave, consents: Iterable[Consent], purpose: Purpose) -> bool:
    """Whether a site's rule lets a covered picture go; `consents` are its exam's, oldest first."""
    if rule is not CoveredLeave.CONSENT:
        return rule is CoveredLeave.ALWAYS
    answers = [one.answer for one in consents if one.purpose is purpose]
    return bool(answers) and answers[-1] is Answer.GIVEN
