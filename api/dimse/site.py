"""What every service needs: the table, the catalogue, the store, and who is calling."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLSocket

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.events import Event

from api.dimse.policies import POLICIES
from api.dimse.table import Peer, Right, Table
from api.errors import NotPermitted
from api.instances.acceptance import Acceptance
from api.metrics import count_dimse
from archive.catalog import Catalog
from archive.storage import Storage

LOG = logging.getLogger("sansverre.dimse")


@dataclass(frozen=True, slots=True)
class Site:
    """One installation as its services see it; `scratch` is this process's own folder."""

    table: Table
    catalog: Catalog
    storage: Storage
    scratch: Path
    headroom_bytes: int
    acceptance: Acceptance


def caller(event: Event, table: Table, right: Right) -> Peer:
    """Who asks; raises NotPermitted where they may not.

    Asked again at each message: one may come under a context that was agreed on for another
    service.
    """
    peer = table.peers.get(title_of(event.assoc))
    needed = POLICIES.get(str(event.context.abstract_syntax))
    if peer is None or needed is not right or right not in peer.may:
        raise NotPermitted
    return peer


def wants_to_store(assoc: Association) -> bool:
    """Whether a requestor proposes to send us something."""
    proposed = assoc.requestor.primitive.presentation_context_definition_list  # type: ignore[union-attr]
    return any(POLICIES.get(str(one.abstract_syntax)) is Right.STORE for one in proposed)


def title_of(assoc: Association) -> str:
    """The title by which a requestor has called."""
    return str(assoc.requestor.primitive.calling_ae_title).strip()  # type: ignore[union-attr]


def called_title_of(assoc: Association) -> str:
    """The title that it has called us by."""
    return str(assoc.requestor.primitive.called_ae_title).strip()  # type: ignore[union-attr]


def certificate_of(assoc: Association) -> bytes | None:
    """The certificate that a requestor has shown (DER); None where it has shown none."""
    line = assoc.dul.socket.socket if assoc.dul.socket else None
    return line.getpeercert(binary_form=True) if isinstance(line, SSLSocket) else None


def has_room(site: Site, size_bytes: int = 0) -> bool:
    """Whether the disk takes this and keeps free what it is to keep free."""
    return shutil.disk_usage(site.scratch).free - size_bytes > site.headroom_bytes


def still_there(assoc: Association) -> None:
    """Begin to count anew for how long nothing came: we were busy, and the peer waited for us."""
    # There is no public way, and an association that waited for a long answer would be aborted.
    assoc.dul._idle_timer.restart()  # noqa: SLF001


@contextmanager
def told_of_failure(service: str) -> Iterator[None]:
    """Note what nobody foresaw, by its name alone: its text may hold what was asked."""
    try:
        yield
    except Exception as error:
        LOG.error("%s failed: %s", service, type(error).__name__)  # noqa: TRY400 -- see above
        count_dimse(service, "failed")
        raise


def status(number: int, comment: str) -> Dataset:
    """A status with words for people: Error Comment is an LO (PS3.7 C.4)."""
    told = Dataset()
    told.Status = number
    told.ErrorComment = comment[:64]
    return told
