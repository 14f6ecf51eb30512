"""PDF documents of others as pictures and text: runs in the sandbox, and nothing in them runs.

A browser gets the pictures alone: what a document holds besides never reaches one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from api.sandbox import Progress

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

MOST_PAGES = 200
LONGEST_PX = 1800
"""Of a page's longer side."""
_MOST_LETTERS = 20_000
"""Of a page's text."""


def pages(say: Progress, path: str) -> tuple[list[str], int]:
    """The text of each page that is drawn, and of how many it is; raises PdfiumError."""
    found = []
    with _opened(path) as document:
        count = min(len(document), MOST_PAGES)
        for number in range(count):
            if document.formenv is not None:
                _fill(document, number)
            page = document[number]
            text = page.get_textpage().get_text_bounded()
            found.append(text[:_MOST_LETTERS])
            page.close()
            say(number + 1, count)
        return found, len(document)


def picture(say: Progress, path: str, number: int, out: str) -> bool:
    """Draw one page, counted from 1, as a WebP; False where there is no such page."""
    with _opened(path) as document:
        if not 1 <= number <= min(len(document), MOST_PAGES):
            return False
        page = document[number - 1]
        longest = max(page.get_size())
        scale = min(LONGEST_PX / max(longest, 1.0), 4.0)
        page.render(scale=scale).to_pil().save(out, "WEBP", quality=90, method=2)
        say(1, 1)
    return True


def _opened(path: str) -> "PdfDocument":
    """The document, with what was filled in its forms: that is part of what it says."""
    from pypdfium2 import PdfDocument

    document = PdfDocument(Path(path))
    document.init_forms()
    return document


def _fill(document: "PdfDocument", number: int) -> None:
    """Make what was filled in on a page words of the page, which then has to be opened anew."""
    page = document[number]
    page.flatten()
    page.close()
