"""What people see of a document: the PDF that it is or holds, or its lines."""

from collections.abc import Iterator

from archive.reports.cda import Block, blocks, inner_document, read_cda
from archive.reports.report import CDA, PDF, TEXT


def as_shown(media_type: str, data: bytes) -> tuple[str, bytes]:
    """What a document is shown as: a CDA document whose body is no XML as that body.

    Raises BadDocument for what cannot be read.
    """
    inner = inner_document(read_cda(data)) if media_type == CDA else None
    if inner is None:
        return media_type, data
    return (PDF if inner[0] == PDF else TEXT), inner[1]


def lines_of(media_type: str, data: bytes) -> Iterator[Block]:
    """The lines of a CDA document, or of plain text; raises BadDocument."""
    if media_type == CDA:
        yield from blocks(read_cda(data))
    else:
        yield from (Block("text", one) for one in data.decode("utf-8", "replace").splitlines())
