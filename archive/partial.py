"""What was said so far of a photograph that is not sorted yet: halves, which leave nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from archive.body_site import Side, site_of_code
from archive.capture import (
    LOCATING,
    PHOTOTYPES,
    Contact,
    Dermoscopy,
    Immersion,
    Polarization,
    View,
    require_spacing,
)
from archive.errors import InvalidCapture


@dataclass(frozen=True, slots=True)
class Partial:
    """What is known of a photograph until view, site and side are; None for what nobody said.

    It goes into no header: only a whole statement (`archive.capture.Capture`) does. `site` is a
    code, `lesion` an id. Raises InvalidCapture and InvalidSite for what no whole could say.
    """

    view: View | None = None
    site: str | None = None
    side: Side | None = None
    lesion: str | None = None
    dermoscopy: Dermoscopy | None = None
    phototype: int | None = None
    mm_per_pixel: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.side is not None and self.site is None:
            raise InvalidCapture("A side is of a site; say which site.")
        if self.site is not None:
            site = site_of_code(self.site)
            if self.side is not None:
                site.side(self.side)
        if self.dermoscopy is not None and self.view is not View.DERMOSCOPY:
            raise InvalidCapture("Light, contact and the like are of a dermoscopy.")
        if self.lesion is not None and self.view in LOCATING:
            raise InvalidCapture("An overview or a pose shows many lesions; leave the lesion out.")
        if self.phototype is not None and self.phototype not in PHOTOTYPES:
            raise InvalidCapture("The phototype is not one of Fitzpatrick's; give 1 to 6.")
        require_spacing(self.mm_per_pixel)


def kept(said: Partial) -> dict[str, Any]:
    """The same as the catalogue keeps it, a JSON object."""
    return {name: value for name, value in asdict(said).items() if value is not None}


def from_kept(row: Mapping[str, Any] | None) -> Partial | None:
    """What `kept` has made; None for nothing."""
    if row is None:
        return None
    side, used, spacing = row.get("side"), row.get("dermoscopy"), row.get("mm_per_pixel")
    return Partial(
        View(row["view"]) if "view" in row else None,
        row.get("site"),
        None if side is None else Side(side),
        row.get("lesion"),
        None if used is None else _dermoscopy(used),
        row.get("phototype"),
        None if spacing is None else (spacing[0], spacing[1]),
    )


def _dermoscopy(used: Mapping[str, Any]) -> Dermoscopy:
    light, contact, immersion = used["polarization"], used["contact"], used["immersion"]
    return Dermoscopy(
        Polarization(light) if light else None,
        Contact(contact) if contact else None,
        Immersion(immersion) if immersion else None,
        used["magnification"],
        used["colour_temperature_k"],
    )
