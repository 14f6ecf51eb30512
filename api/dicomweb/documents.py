"""Documents inside instances, as those are given them who read no DICOM (PS3.18, 8.7.4).

A PDF is given as the PDF that it is, to be saved or shown by a program of the caller's, also one
that is the body of a CDA document; of other documents what they say, as text alone. Nothing of any
may do anything in our name.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from html import escape

from starlette.types import Scope

from api.answer import KEPT_BY_NOBODY, Answer
from api.dicomweb.desk import Desk, tag_of
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.multipart import single
from api.doors import Caller
from api.errors import NotAcceptable
from archive.query import FoundInstance
from archive.reports.cda import Block
from archive.reports.encapsulated import document_in
from archive.reports.instances import DOCUMENTS
from archive.reports.report import CDA, PDF, TEXT
from archive.reports.shown import as_shown, lines_of
from archive.today import brought_up_to_date
from tiles.instance import read_header

POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_WORDS = (Offer("text/html", may_be_multipart=False), Offer(TEXT, may_be_multipart=False))
_OFFERS = {PDF: (Offer(PDF, may_be_multipart=False),), CDA: _WORDS, TEXT: _WORDS}


def is_document(one: FoundInstance) -> bool:
    """Whether an instance holds a document in place of pixels."""
    return one.sop_class_uid in DOCUMENTS


def with_pixels(found: Sequence[FoundInstance]) -> list[FoundInstance]:
    """The instances of which pictures can be made; raises NotAcceptable where none is."""
    pictures = [one for one in found if not is_document(one)]
    if not pictures:
        raise NotAcceptable
    return pictures


async def document_answer(desk: Desk, caller: Caller, one: FoundInstance, scope: Scope) -> Answer:
    """One document, in a form that needs no DICOM; raises NotAcceptable."""
    await desk.may_see(caller, [one])
    exam = await desk.find(partial(desk.today, caller, one))

    def read() -> tuple[str, bytes]:
        header, _ = read_header(desk.reader(one), one.length_bytes)
        today = brought_up_to_date(header, exam)
        return str(today.MIMETypeOfEncapsulatedDocument), document_in(today)

    media_type, data = await desk.decode(partial(as_shown, *await desk.read(read)))
    chosen = choose(accepted(scope), _OFFERS[media_type])
    if media_type != PDF:
        said = partial(lines_of, media_type, data)
        data = await desk.decode(partial(_as_text, said, chosen.offer.media_type))
    headers = {
        "cache-control": KEPT_BY_NOBODY,
        "vary": "accept",
        "etag": tag_of(one.key, chosen.offer.media_type, sha256(data).hexdigest()),
        "content-security-policy": POLICY,
        "content-disposition": "attachment",
    }
    return single(data, chosen, headers, scope)


def _as_text(read: Callable[[], Iterable[Block]], media_type: str) -> bytes:
    said = [(one.kind, _written(one)) for one in read()]
    if media_type == TEXT:
        return "\n".join(text for _, text in said).encode()
    lines = [
        f"<h2>{escape(text)}</h2>" if kind == "heading" else f"<p>{escape(text)}</p>"
        for kind, text in said
    ]
    head = '<!doctype html><html><head><meta charset="utf-8"><title>CDA</title></head><body>'
    return "\n".join([head, *lines, "</body></html>"]).encode()


def _written(one: Block) -> str:
    return f"[{one.text or 'image'}]" if one.kind == "attachment" else one.text
