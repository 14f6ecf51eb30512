"""Documents are made durable, and recorded; what was not recorded is nobody's, and is deleted."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from archive.reports.content import Document
from archive.reports.said import Kept, ReportSaid
from archive.storage import Storage

if TYPE_CHECKING:
    from archive.reports.reports import Reports


def stored(
    reports: "Reports", storage: Storage, said: ReportSaid, documents: Sequence[Document]
) -> bool:
    """Keep a version with its documents, once; gives whether it waits."""
    kept = tuple(_kept(storage, one) for one in documents)
    taken = reports.keep(replace(said, documents=kept))
    for one in kept:
        if one.key not in taken:
            storage.delete(one.key)
    return reports.waits(said)


def _kept(storage: Storage, one: Document) -> Kept:
    digest = sha256(one.data).hexdigest()
    return Kept(one.media_type, storage.put_bytes(one.data), len(one.data), digest)
