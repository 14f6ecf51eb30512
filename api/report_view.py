"""A report as people see it: text, or pictures of pages; nothing of it runs anywhere."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Any

from api.errors import SandboxError
from api.sandbox import limits_for, run_limited
from archive.errors import BadDocument, NotFound
from archive.reports.cda import Block
from archive.reports.report import PDF, Content
from archive.reports.shown import as_shown, lines_of

_AT_ONCE = BoundedSemaphore(2)
"""Whoever leafs through a long document keeps nobody from theirs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a document says: lines of text, or the text of each page that is seen as a picture."""

    blocks: tuple[Block, ...] = ()
    pages: tuple[str, ...] = ()
    page_count: int = 0
    """Of how many pages it is; more than `pages` where only the first ones are drawn."""


def seen(content: Content, scratch: Path) -> Seen:
    """What is shown of a document; raises BadDocument for one that cannot be shown."""
    kind, data = as_shown(content.media_type, content.data)
    if kind == PDF:
        with TemporaryDirectory(prefix="report-", dir=scratch) as folder:
            path = Path(folder, "report.pdf")
            path.write_bytes(data)
            texts, count = _run("api.pdf:pages", {"path": str(path)}, len(data), scratch)
        return Seen(pages=tuple(str(one) for one in texts), page_count=int(count))
    return Seen(blocks=tuple(lines_of(kind, data)))


def page_picture(content: Content, number: int, scratch: Path) -> bytes:
    """A page of a document as a WebP; raises NotFound, and BadDocument as `seen`."""
    kind, data = as_shown(content.media_type, content.data)
    if kind != PDF:
        raise NotFound("This document has no pages.")
    with TemporaryDirectory(prefix="report-", dir=scratch) as folder:
        path, out = Path(folder, "report.pdf"), Path(folder, "page.webp")
        path.write_bytes(data)
        asked = {"path": str(path), "number": number, "out": str(out)}
        if not _run("api.pdf:picture", asked, len(data), scratch):
            raise NotFound("There is no such page.")
        return out.read_bytes()


def _run(function: str, asked: dict[str, Any], size: int, scratch: Path) -> Any:
    try:
        with _AT_ONCE:
            return run_limited(function, asked, limits_for(size), scratch=scratch)
    except SandboxError as error:
        raise BadDocument("This document cannot be shown; save it to look at it.") from error
