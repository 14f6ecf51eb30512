"""XML from files nobody vouches for."""

from xml.etree.ElementTree import Element, ParseError, fromstring

from slides.errors import DamagedSlide

MOST_CHARACTERS = 2**26


def parse_xml(text: str) -> Element:
    """The root element of a text without document type, so without entities to expand.

    Raises DamagedSlide.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DamagedSlide("its XML declares entities, which no scanner writes; refused")
    if len(text) > MOST_CHARACTERS:
        raise DamagedSlide("its XML is unreasonably long; refused")
    try:
        return fromstring(text)  # noqa: S314  (what makes it unsafe was refused above)
    except (ParseError, ValueError) as error:
        raise DamagedSlide("its XML description is malformed; export the slide again") from error
