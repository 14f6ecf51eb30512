"""What is stated of a photograph of skin: where, how and by whom it was taken.

It is validated once, here; headers, the catalogue and the ways in rely on it.
"""

from dataclasses import dataclass
from enum import StrEnum

from archive.body_site import BodySite, Side
from archive.errors import InvalidCapture
from archive.identity import checked_name

PHOTOTYPES = range(1, 7)
RPPS_DIGITS = 11
_MILLIMETRES = (0.0001, 10.0)
_MAGNIFICATION = (1.0, 1000.0)
_KELVIN = (1000.0, 20000.0)


class View(StrEnum):
    """What a photograph is to show."""

    OVERVIEW = "overview"
    """A region, in which lesions are found again."""
    CLOSE_UP = "close-up"
    DERMOSCOPY = "dermoscopy"
    TOTAL_BODY = "total-body"
    """One of the poses that together show the whole skin."""


LOCATING = frozenset({View.OVERVIEW, View.TOTAL_BODY})
"""The views that show where a lesion is; the others show one lesion."""


class Polarization(StrEnum):
    """The light of a dermoscope (PS3.3 C.8.12.16); crossed polarisers are POLARIZED."""

    POLARIZED = "POLARIZED"
    NON_POLARIZED = "NON_POLARIZED"


class Contact(StrEnum):
    """Whether the dermoscope touched the skin."""

    CONTACT = "CONTACT"
    NON_CONTACT = "NON_CONTACT"


class Immersion(StrEnum):
    """What was between the skin and a dermoscope that touched it."""

    ULTRASOUND_GEL = "ULTRASOUND_GEL"
    ALCOHOL = "ALCOHOL"
    WATER = "WATER"
    MINERAL_OIL = "MINERAL_OIL"
    PLASTIC_CAP = "PLASTIC_CAP"


class Cover(StrEnum):
    """Why a picture is covered until somebody opens it on purpose."""

    INTIMATE = "intimate"
    RECOGNIZABLE = "recognizable"
    """The patient may be known by it."""


_INTIMATE = frozenset(
    {
        # Nipple, areola, the quadrants of the breast, buttock, its fold, perineum, anus.
        *("54468004", "72005009", "61426", "61439", "61440", "61427", "61423"),
        *("22180002", "63029009", "48014002", "59112000"),
    }
)
"""Sites of the trunk, by code; all of the genitals are."""
_RECOGNIZABLE = frozenset({"head", "skin"})


@dataclass(frozen=True, slots=True)
class Dermoscopy:
    """How a dermoscope was used; None for what nobody said. Raises InvalidCapture."""

    polarization: Polarization | None = None
    contact: Contact | None = None
    immersion: Immersion | None = None
    magnification: float | None = None
    colour_temperature_k: float | None = None

    def __post_init__(self) -> None:
        if self.immersion and self.contact is Contact.NON_CONTACT:
            raise InvalidCapture("Immersion is only with contact; correct one of the two.")
        if self.immersion and self.contact is None:
            object.__setattr__(self, "contact", Contact.CONTACT)
        _require("magnification", self.magnification, _MAGNIFICATION)
        _require("colour temperature in kelvin", self.colour_temperature_k, _KELVIN)


@dataclass(frozen=True, slots=True, repr=False)
class Operator:
    """Who took the photograph: a DICOM name, and the number in the French RPPS where known.

    Raises InvalidIdentity and InvalidCapture, whose messages repeat neither.
    """

    name: str
    rpps: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", checked_name("operator's name", self.name))
        if not self.name:
            raise InvalidCapture("The operator has no name; give one, or leave the operator out.")
        if self.rpps is not None and not _is_rpps(self.rpps):
            raise InvalidCapture("The operator's RPPS is none; it has 11 digits, check them.")

    def __repr__(self) -> str:
        return "Operator(…)"


@dataclass(frozen=True, slots=True)
class Capture:
    """What is stated of one photograph; raises InvalidCapture and InvalidSite.

    `side` may be left out where the body has one of the site. `phototype` is Fitzpatrick's, from 1
    to 6. `mm_per_pixel` is (row spacing, column spacing) as DICOM orders it, and stated only where
    a known dermoscope gives it, or a ruler that a person saw.
    """

    view: View
    site: BodySite
    side: Side | None = None
    dermoscopy: Dermoscopy | None = None
    phototype: int | None = None
    mm_per_pixel: tuple[float, float] | None = None
    operator: Operator | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", self.site.side(self.side))
        if self.view is View.DERMOSCOPY:
            object.__setattr__(self, "dermoscopy", self.dermoscopy or Dermoscopy())
        elif self.dermoscopy is not None:
            raise InvalidCapture(
                "Light, contact and the like are of a dermoscope; state them of dermoscopy alone."
            )
        if self.phototype is not None and self.phototype not in PHOTOTYPES:
            raise InvalidCapture("The phototype is not one of Fitzpatrick's; give 1 to 6.")
        require_spacing(self.mm_per_pixel)

    @property
    def is_recognizable(self) -> bool:
        """Whether the patient may be known by it, as far as the site and the view tell."""
        return self.view in LOCATING and self.site.region in _RECOGNIZABLE

    @property
    def cover(self) -> Cover | None:
        """Why it is covered, as far as the site and the view tell; None for most."""
        if self.view is View.TOTAL_BODY:
            return Cover.INTIMATE
        return cover_of(self.site, is_wide=self.view in LOCATING)

    def require_lesion_allowed(self) -> None:
        """Raise InvalidCapture where the view is of no lesion in particular."""
        if self.view in LOCATING:
            raise InvalidCapture(
                "An overview or a pose of the total body shows many lesions; "
                "name a lesion with a close-up or dermoscopy."
            )


def cover_of(site: BodySite, *, is_wide: bool) -> Cover | None:
    """Why a picture of a site is covered; `is_wide` is whether more than a lesion may be seen."""
    if site.region == "genitals" or site.code in _INTIMATE:
        return Cover.INTIMATE
    return Cover.RECOGNIZABLE if is_wide and site.region in _RECOGNIZABLE else None


def require_spacing(mm_per_pixel: tuple[float, float] | None) -> None:
    """Raise InvalidCapture where a pixel cannot measure that."""
    for spacing in mm_per_pixel or ():
        _require("pixel's size in mm", spacing, _MILLIMETRES)


def _require(what: str, value: float | None, bounds: tuple[float, float]) -> None:
    # NaN fails the comparison.
    if value is not None and not bounds[0] <= value <= bounds[1]:
        raise InvalidCapture(f"The {what} is beyond {bounds[0]:g} to {bounds[1]:g}; correct it.")


def _is_rpps(text: str) -> bool:
    """Whether the digits are eleven, and the last is their key (Luhn)."""
    if len(text) != RPPS_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    doubled = (int(one) * (1 + place % 2) for place, one in enumerate(reversed(text)))
    return sum(one // 10 + one % 10 for one in doubled) % 10 == 0
