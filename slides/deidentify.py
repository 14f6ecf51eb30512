"""What may leave without a trace of whose it was.

Source: PS3.15 Annex E, Basic Application Level Confidentiality Profile, with the Clean Pixel Data
and Clean Structured Content options.

A header is made from facts, never copied, so it is the facts that are cleaned. Identifiers become
pseudonyms: a keyed digest (HMAC-SHA-256), the same for the same identifier and key, and not to be
guessed without the key. So do UIDs. Dates, texts and serial numbers go.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace

from archive.identity import uid_from
from slides import vocabulary
from slides.metadata import ORDER, Decided, Metadata
from slides.slide import Code, Slide
from slides.vocabulary import Terms
from tiles.colour import without_texts
from tiles.pyramid import FIRST, Box, Plane, Pyramid
from tiles.remarks import without_remarks
from tiles.source import (
    Encoding,
    Frame,
    Pixels,
    Run,
    TileSource,
    frames_in_order,
    one_by_one,
)

PSEUDONYM_CHARACTERS = 16
"""Hexadecimal ones: 64 bits, so that no two identifiers of a collection meet."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Names in place of identifiers, made with a secret."""

    key: str = field(repr=False)

    def of(self, kind: str, *identifier: str) -> str:
        """The pseudonym of something of a kind, up to 18 characters of LO and SH."""
        return f"P-{self.digest(kind, *identifier)[: PSEUDONYM_CHARACTERS - 2]}"

    def digest(self, *parts: str) -> str:
        """64 hexadecimal characters that tell nothing of the parts without the key."""
        encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
        # The lengths keep ("a", "bc") apart from ("ab", "c").
        message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
        return hmac.new(self.key.encode(), message, hashlib.sha256).hexdigest()


def anonymous(decided: Decided, secret: str) -> Decided:
    """What may still be said of a slide, under pseudonyms, and from whom it was."""
    said, names = decided.metadata, Pseudonyms(secret)

    def name(kind: str, identifier: str | None, issuer: str | None = None) -> str | None:
        return names.of(kind, issuer or "", identifier) if identifier else None

    study = None
    if said.study_instance_uid or said.accession_number:
        study = uid_from("study under a pseudonym", names.digest("study", said.study_uid("")))
    specimens = (names.of("specimen", one) for one in said.specimen_identifiers or ())
    metadata = Metadata(
        patient_id=name("patient", said.patient_id, said.issuer_of_patient_id),
        study_instance_uid=study,
        container_identifier=name("container", said.container_identifier),
        specimen_identifiers=tuple(specimens) or None,
        specimen_type=_standard(said.specimen_type, vocabulary.SPECIMEN_TYPES),
        body_site=_standard(said.body_site, vocabulary.BODY_SITES),
        side=_standard(said.side, vocabulary.SIDES),
        collection=_standard(said.collection, vocabulary.COLLECTIONS),
        fixative=_standard(said.fixative, vocabulary.FIXATIVES),
        embedding_medium=_standard(said.embedding_medium, vocabulary.EMBEDDING_MEDIA),
        block_identifier=name("block", said.block_identifier),
        stains=_standard_stains(said.stains or ()) or None,
        manufacturer=said.manufacturer,
        model=said.model,
        objective_power=said.objective_power,
        numerical_aperture=said.numerical_aperture,
        illumination=_standard(said.illumination, vocabulary.ILLUMINATIONS),
        focus_method=said.focus_method,
    )
    left = (field.name for field in fields(Metadata) if getattr(metadata, field.name) is not None)
    return Decided(metadata, {name: decided.origins.get(name, ORDER) for name in left})


def _standard(code: Code | None, terms: Terms) -> Code | None:
    """The code with the standard's own meaning; None for one whose meaning anybody wrote."""
    if code is None:
        return None
    return vocabulary.known(code, terms)


def _standard_stains(stains: Iterable[Code | str]) -> tuple[Code, ...]:
    found = (vocabulary.known(one, vocabulary.STAINS) for one in stains if isinstance(one, Code))
    return tuple(one for one in found if one is not None)


def cleaned(slide: Slide) -> Slide:
    """The slide without what its file says in texts: barcodes, names, remarks inside of tiles."""
    facts = slide.facts
    profile = without_texts(facts.icc_profile) if facts.icc_profile else None
    channels = tuple(replace(one, name="") for one in facts.channels)
    return replace(
        slide,
        source=Unremarked(slide.source),
        facts=replace(
            facts, barcodes=(), label_barcodes=(), icc_profile=profile, channels=channels
        ),
    )


class Unremarked:
    """A TileSource whose encoded tiles are without comments and makers' notes."""

    def __init__(self, source: TileSource) -> None:
        self._source = source

    @property
    def pyramid(self) -> Pyramid:
        """That of the source."""
        return self._source.pyramid

    def encoding(self, level: int) -> Encoding:
        """How the tiles of a level are stored."""
        return self._source.encoding(level)

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box, as the source gives them."""
        return self._source.pixels(level, box, plane)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile as stored, but for the remarks."""
        return _unremarked(self._source.frame(level, column, row, plane))

    def runs(self, level: int, columns: range, rows: range, plane: Plane = FIRST) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row."""
        frames = frames_in_order(self._source, level, columns, rows, plane)
        return one_by_one(map(_unremarked, frames))

    def close(self) -> None:
        """Release the source."""
        self._source.close()


def _unremarked(frame: Frame | None) -> Frame | None:
    return without_remarks(frame) if frame is not None else None
