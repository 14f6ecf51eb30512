"""What an archive is to be told, in which form, and how it hears of corrections."""

from enum import StrEnum

NOT_TAKEN = "The archive's table takes things of this kind no more; this one was not sent."
"""Why something that waited is dropped."""


class Form(StrEnum):
    """In which form an archive gets what is kept here."""

    AS_IT_IS = "as-it-is"
    """The instance itself, under today's identity."""
    PHOTOGRAPH = "photograph"
    """A dermoscopic photograph as a plain one, for an archive that refuses its class."""
    THUMBNAIL = "thumbnail"
    """A small picture of a slide that says where the slide is."""
    MANIFEST = "manifest"
    """A Key Object Selection that names the instances of an image."""


class Takes(StrEnum):
    """A kind of thing that an archive is told of."""

    PHOTOGRAPHS = "photographs"
    THUMBNAILS = "thumbnails"
    """Small pictures of slides, with their address."""
    MANIFESTS = "manifests"
    """Key Object Selections of photographs and slides."""
    REPORTS = "reports"
    """Reports of the laboratory, each version as a document."""
    SLIDES = "slides"
    """Slides whole, where a site insists."""


class Corrections(StrEnum):
    """How an archive learns that a patient's identity was corrected."""

    HL7 = "hl7"
    """It hears the same messages itself: nothing is sent, it is asked until it shows it."""
    AGAIN = "again"
    """It overwrites: the same instances are sent again under today's identity."""
    REINCARNATION = "reincarnation"
    """It does neither: the instance is rejected, and sent anew under other UIDs."""
