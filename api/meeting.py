"""Pictures as pages for a meeting: a PDF, one picture or two a page.

Of the pictures their JPEG is held, as large as a page shows: PICTURES_BYTES of all at most. Text is
in the fonts that every reader of PDF has, with the letters of Western European languages
(Windows-1252).
"""

import io
import unicodedata
from dataclasses import dataclass
from math import floor, log10

from api.away import Away
from api.captions import Language
from api.errors import CannotPrint, TooLarge

PAGE_PX = 2400
"""The longer side of a picture on a page: 300 pixels an inch over 20 cm."""

PICTURES_BYTES = 128 << 20
"""Of the pictures in one document: 40 of the largest and finest that photographs make."""

_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 15.0
_TOP, _BOTTOM, _CAPTION, _GAP = 30.0, 16.0, 15.0, 6.0
_LONGEST_BAR = 30.0
_GREY = (90, 90, 100)
_ENCODING = "cp1252"
_NOTICE = {
    Language.FRENCH: "N’est pas un dispositif médical certifié",
    Language.ENGLISH: "Not a certified medical device",
}


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """What every page has: whose the pictures are (both may be empty), and the day it was made.

    Raises CannotPrint for letters that a page lacks.
    """

    title: str
    subtitle: str
    day: str
    per_page: int
    language: Language

    def __post_init__(self) -> None:
        for one in ("title", "subtitle"):
            object.__setattr__(self, one, _text(getattr(self, one)))


class Pages:
    """A PDF that grows by a picture at a time."""

    def __init__(self, sheet: Sheet) -> None:
        # Slow to load, for what few take out.
        from fpdf import FPDF

        self._sheet, self._count, self._left_bytes = sheet, 0, PICTURES_BYTES
        self._pdf = FPDF(format="A4")
        self._pdf.core_fonts_encoding = _ENCODING
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_lang(sheet.language)

    def add(self, away: Away, lines: tuple[str, str], mm_per_pixel: float | None) -> None:
        """A picture with its two lines; a scale bar where a pixel of the image has a size.

        Raises TooLarge where the pictures are too large for one document.
        """
        self._left_bytes -= len(away.jpeg)
        if self._left_bytes < 0:
            raise TooLarge("The pictures are too large for one document.", limit=PICTURES_BYTES)
        place = self._count % self._sheet.per_page
        if place == 0:
            self._begin_page()
        self._count += 1
        rows = self._sheet.per_page
        slot = (_HEIGHT - _TOP - _BOTTOM - _GAP * (rows - 1)) / rows
        top = _TOP + place * (slot + _GAP)
        room = _WIDTH - 2 * _MARGIN, slot - _CAPTION
        shrink = min(room[0] / away.width, room[1] / away.height)
        width, height = away.width * shrink, away.height * shrink
        left = (_WIDTH - width) / 2
        self._pdf.image(io.BytesIO(away.jpeg), left, top, width, height, alt_text=_text(lines[0]))
        below = top + height + 5
        self._write(_MARGIN, below, f"{self._count}. {lines[0]}", "B", 10)
        self._write(_MARGIN, below + 5, lines[1], "", 9, _GREY)
        if mm_per_pixel is not None:
            self._bar(below, shrink / (mm_per_pixel * away.scale))

    def finished(self) -> memoryview:
        """The document."""
        return memoryview(self._pdf.output())

    def _begin_page(self) -> None:
        sheet = self._sheet
        self._pdf.add_page()
        self._write(_MARGIN, 16, sheet.title, "B", 13)
        self._write(_MARGIN, 22, sheet.subtitle, "", 9, _GREY)
        foot = _HEIGHT - 8
        self._write(_MARGIN, foot, f"Sans Verre · {_NOTICE[sheet.language]}", "", 7, _GREY)
        self._right(foot, f"{sheet.day} · {self._pdf.page_no()}")

    def _bar(self, y: float, paper_per_real: float) -> None:
        """A bar of a round length at the right margin, of at most three centimetres."""
        longest = _LONGEST_BAR / paper_per_real
        power = 10.0 ** floor(log10(longest))
        real = next(times * power for times in (5, 2, 1) if times * power <= longest)
        length = real * paper_per_real
        right = _WIDTH - _MARGIN
        self._pdf.set_fill_color(0)
        self._pdf.rect(right - length, y - 3, length, 1.2, style="F")
        self._right(y + 2, f"{real:g} mm" if real >= 1 else f"{real * 1000:g} µm")

    def _write(
        self,
        x: float,
        y: float,
        words: str,
        style: str,
        size: float,
        colour: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        if not words:
            return
        words = _text(words)
        self._pdf.set_font("Helvetica", style, size)
        self._pdf.set_text_color(*colour)
        room = _WIDTH - _MARGIN - x - _LONGEST_BAR
        while self._pdf.get_string_width(words) > room:
            words = words[:-2].rstrip() + "…"
        self._pdf.text(x, y, words)

    def _right(self, y: float, words: str) -> None:
        self._pdf.set_font("Helvetica", "", 8)
        self._pdf.set_text_color(*_GREY)
        self._pdf.text(_WIDTH - _MARGIN - self._pdf.get_string_width(words), y, words)


def _text(words: str) -> str:
    """The words in the letters there are: without marks where a letter with them is missing."""
    return "".join(map(_letter, unicodedata.normalize("NFC", words)))


def _letter(one: str) -> str:
    for letter in (one, unicodedata.normalize("NFKD", one)[0]):
        try:
            letter.encode(_ENCODING)
        except UnicodeEncodeError:
            continue
        return letter
    raise CannotPrint("A name has letters that a PDF cannot show here; use a pseudonym.")
