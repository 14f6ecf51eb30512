"""Documents inside instances, as those are given them who read no DICOM (PS3.18, 8.7.4).

A PDF is given as the PDF that it is, to be saved or shown by a program of the caller's; of a CDA
document what it says, as text alone. Neither may do anything in our name.
"""

from collections.abc import Sequence
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
from archive.reports.cda import blocks, read_cda
from archive.reports.encapsulated import document_in
from archive.reports.instances import DOCUMENTS
from archive.reports.report import CDA, PDF
from archive.today import brought_up_to_date
from tiles.instance import read_header

POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_OFFERS = {
    PDF: (Offer(PDF, may_be_multipart=False),),
    CDA: (
        Offer("text/html", may_be_multipart=False),
        Offer("text/plain", may_be_multipart=False),
    ),
}


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

    media_type, data = await desk.read(read)
    chosen = choose(accepted(scope), _OFFERS[media_type])
    if media_type == CDA:
        data = await desk.decode(partial(_as_text, data, chosen.offer.media_type))
    headers = {
        "cache-control": KEPT_BY_NOBODY,
        "vary": "accept",
        "etag": tag_of(one.key, chosen.offer.media_type, sha256(data).hexdigest()),
        "content-security-policy": POLICY,
        "content-disposition": "attachment",
    }
    return single(data, chosen, headers, scope)


def _as_text(data: bytes, media_type: str) -> bytes:
    said = list(blocks(read_cda(data)))
    if media_type == "text/plain":
        return "\n".join(one.text for one in said).encode()
    names = {"heading": "h2", "text": "p", "row": "p"}
    lines = [f"<{names[one.kind]}>{escape(one.text)}</{names[one.kind]}>" for one in said]
    head = '<!doctype html><html><head><meta charset="utf-8"><title>CDA</title></head><body>'
    return "\n".join([head, *lines, "</body></html>"]).encode()
