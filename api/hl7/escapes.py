"""Escape sequences of HL7 v2 (v2.5.1, 2.7), undone.

What is no sequence, or one that means what only its sender knows, stands as it came: a report loses
nothing by a stray backslash. Nothing here is logged, as it would be what the message says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

MOST = 40
"""Of spaces or lines that one sequence asks for: a few letters are to cost no gigabytes."""
_SEQUENCE = (
    r"{0}(?:(?P<sign>[FSTREHN])"
    r"|X(?P<bytes>(?:[0-9A-Fa-f]{{2}})+(?:{0}{0}X(?:[0-9A-Fa-f]{{2}})+)*)"
    r"|\.(?P<layout>br|sp|ce|in|ti|sk|fi|nf) ?(?P<count>[+-]?\d{{1,9}})?"
    r"|[CMZ][0-9A-Za-z]*){0}"
)
_NEW_LINE, _SPACE = frozenset({"br", "sp", "ce"}), frozenset({"in", "ti", "sk"})


@dataclass(frozen=True)
class Escapes:
    """How a message escapes its signs, and the character set of the bytes that it escapes."""

    separators: str
    """Field, component, repetition, escape, subcomponent: MSH-1 and MSH-2."""
    encoding: str = "ascii"
    _signs: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Highlighting (H, N) says nothing that a text could show.
        signs = dict(zip("FSRET", self.separators, strict=True)) | {"H": "", "N": ""}
        object.__setattr__(self, "_signs", signs)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(_SEQUENCE.format(re.escape(self.separators[3])))

    def undone(self, text: str) -> str:
        """What a text says; lines end with a line feed."""
        return self._pattern.sub(self._said, text) if self.separators[3] in text else text

    def _said(self, found: re.Match[str]) -> str:
        if sign := found["sign"]:
            return self._signs[sign]
        if digits := found["bytes"]:
            return self._letters(bytes.fromhex(re.sub("[^0-9A-Fa-f]", "", digits)))
        if layout := found["layout"]:
            count = min(int(found["count"] or 1), MOST)
            if layout in _NEW_LINE:
                return "\n" * max(count, 1)
            return " " * count if layout in _SPACE else ""
        return found[0]

    def _letters(self, data: bytes) -> str:
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError:
            return data.decode("latin-1")
