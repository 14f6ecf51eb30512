"""What stands below a picture on paper, in French or English."""

from datetime import date
from enum import StrEnum

from archive.body_site import Side
from archive.capture import View
from archive.gallery import Shown
from archive.identity import PatientIdentity
from archive.record import ImageKind


class Language(StrEnum):
    """The languages of pages."""

    FRENCH = "fr"
    ENGLISH = "en"


_VIEWS = {
    View.OVERVIEW: ("Vue d’ensemble", "Overview"),
    View.CLOSE_UP: ("Gros plan", "Close-up"),
    View.DERMOSCOPY: ("Dermoscopie", "Dermoscopy"),
    View.TOTAL_BODY: ("Corps entier", "Total body"),
}
_SIDES = {
    Side.LEFT: ("gauche", "left"),
    Side.RIGHT: ("droite", "right"),
    Side.BOTH: ("des deux côtés", "both sides"),
}
_KINDS = {
    ImageKind.SLIDE: ("Lame", "Slide"),
    ImageKind.PHOTO: ("Photographie", "Photograph"),
}
_LESION, _BORN = ("Lésion", "Lesion"), ("né(e) le", "born")


def caption(shown: Shown, language: Language) -> tuple[str, str]:
    """Two lines: where it is, and what it is, of which lesion, from when."""
    column = list(Language).index(language)
    when = day(shown.taken_at.date(), language)
    if shown.photograph is None:
        return _KINDS[shown.image.kind][column], when
    said = shown.photograph.capture
    site = said.site.fr if language is Language.FRENCH else said.site.en
    where = [site]
    if said.side in _SIDES:
        where.append(_SIDES[said.side][column])
    what = [_VIEWS[said.view][column], when]
    if shown.lesion is not None:
        what.insert(1, f"{_LESION[column]} L{shown.lesion}")
    return ", ".join(where), " · ".join(what)


def name_of(patient: PatientIdentity) -> str:
    """FAMILY Given, as people write it; the number where there is no name."""
    family, _, given = patient.name.partition("=")[0].partition("^")
    return f"{family} {given.replace('^', ' ')}".strip() or patient.patient_id


def traits_of(patient: PatientIdentity, language: Language) -> str:
    """Birth date and number."""
    parts = [f"ID {patient.patient_id}"] if patient.name else []
    if patient.birth_date is not None:
        born = _BORN[list(Language).index(language)]
        parts.insert(0, f"{born} {day(patient.birth_date, language)}")
    return " · ".join(parts)


def day(one: date, language: Language) -> str:
    """A date that nobody reads otherwise than it is meant."""
    return f"{one:%d/%m/%Y}" if language is Language.FRENCH else one.isoformat()
