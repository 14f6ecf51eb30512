"""Plain text as a PDF, in the fonts that every viewer has: no letter of a finding becomes another.

Greek letters and the signs of comparison are those of the Symbol font; what none of the fonts has
is written as people without it write it, else as a question mark.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

from archive.reports.report import Report

_MARGIN_MM, _LINE_MM, _SIZE = 18, 5, 10
_WORDS, _SYMBOL = "Helvetica", "Symbol"
_ENCODING = "windows-1252"
_NAMES = (
    *("ALPHA", "BETA", "CHI", "DELTA", "EPSILON", "PHI", "GAMMA", "ETA", "IOTA", "KAPPA", "LAMDA"),
    *("MU", "NU", "OMICRON", "PI", "THETA", "RHO", "SIGMA", "TAU", "UPSILON", "OMEGA", "XI", "PSI"),
    "ZETA",
)
_GREEK = dict(zip("ABCDEFGHIKLMNOPQRSTUWXYZ", _NAMES, strict=True))
_SYMBOLS = (
    {unicodedata.lookup(f"GREEK CAPITAL LETTER {name}"): code for code, name in _GREEK.items()}
    | {unicodedata.lookup(f"GREEK SMALL LETTER {name}"): c.lower() for c, name in _GREEK.items()}
    | dict(zip("≤⩽≥⩾∞≠≡≈√∅↔←→↓⇔⇒", "££³³¥¹º»ÖÆ«¬®¯ÛÞ", strict=True))
    | {"\N{GREEK SMALL LETTER FINAL SIGMA}": "V", "\N{MINUS SIGN}": "-"}
)
"""Signs by what stands for them in the encoding of the Symbol font (PDF 32000-1, D.5)."""
_ALIKE = dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}", "-")
_RAISED = re.compile("[¹²³]*[\u2070\u2074-\u207e][¹²³\u2070\u2074-\u207e]*")
_LOWERED = re.compile("[\u2080-\u208e]+")


def text_as_pdf(one: Report, text: str, address: str | None) -> bytes:
    """Plain text as a PDF, the same each time, with the address of the images at its end."""
    # Slow to load, for what few laboratories send.
    from fpdf import FPDF

    made = FPDF(format="A4")
    made.core_fonts_encoding = _ENCODING
    made.set_creation_date(one.said_at)
    made.set_title("".join(map(_plain, _readable(one.title))))
    made.set_lang("fr")
    made.set_margins(_MARGIN_MM, _MARGIN_MM)
    made.add_page()

    def line(said: str, height_mm: float = _LINE_MM, style: str = "", link: str = "") -> None:
        for font, letters in _runs(said):
            made.set_font(font, "" if font == _SYMBOL else style, made.font_size_pt)
            made.write(height_mm, letters, link)
        made.ln(height_mm)

    made.set_font(_WORDS, "B", _SIZE + 2)
    line(one.title, _LINE_MM + 2, "B")
    made.set_font(_WORDS, "", _SIZE)
    for each in text.splitlines():
        line(each)
    if address is not None:
        made.ln(_LINE_MM)
        line(f"Images : {address}", link=address)
    return bytes(made.output())


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """The text in pieces of one font, as each is encoded."""
    for is_symbol, signs in groupby(_readable(text), _SYMBOLS.__contains__):
        if is_symbol:
            yield _SYMBOL, "".join(map(_SYMBOLS.__getitem__, signs))
        else:
            yield _WORDS, "".join(map(_plain, signs))


def _readable(text: str) -> str:
    """The text in one line, composed, with indices as they are written without small digits."""
    composed = unicodedata.normalize("NFC", text.expandtabs())
    # 10⁶ is not 106.
    raised = _RAISED.sub(lambda one: "^" + unicodedata.normalize("NFKC", one[0]), composed)
    lowered = _LOWERED.sub(lambda one: unicodedata.normalize("NFKC", one[0]), raised)
    return "".join(one if one.isprintable() else " " for one in lowered)


def _plain(sign: str) -> str:
    """A sign as the font of words has it: without an accent that it lacks, else a question mark."""
    alike = _ALIKE.get(sign, sign)
    if _is_there(alike):
        return alike
    apart = unicodedata.normalize("NFD", sign)
    return apart[0] if len(apart) > 1 and _is_there(apart[0]) else "?"


def _is_there(sign: str) -> bool:
    try:
        sign.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True
