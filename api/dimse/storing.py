"""C-STORE (PS3.4 B): what devices send, on disk as it comes, then taken as any instance is."""

from pydicom.dataset import Dataset
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from api.dimse.site import Site, caller, status, still_there, told_of_failure
from api.dimse.table import Right
from api.instances.acceptance import Sender
from api.metrics import count_dimse
from archive.dimse.received import forget_received
from archive.received.outcome import Failure, Outcome

SUCCESS = 0x0000


def store(event: Event, site: Site) -> Dataset:
    """Take what was received, and say what became of it: kept is durable."""
    path = event.dataset_path
    request = event.request
    assert isinstance(request, C_STORE)
    announced = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)

    def may_be(found: Outcome) -> Failure | None:
        is_it = (found.sop_class_uid, found.sop_instance_uid) == announced
        return None if is_it else Failure.DOES_NOT_MATCH

    try:
        with told_of_failure("store"):
            peer = caller(event, site.table, Right.STORE)
            sender = Sender(peer.establishment, peer.issuer)
            outcome = site.acceptance.take(path, sender, may_be)
    finally:
        # pynetdicom would leave it where this fails.
        path.unlink(missing_ok=True)
    told = outcome.failure or outcome.warning or SUCCESS
    count_dimse("store", f"{int(told):04X}")
    still_there(event.assoc)
    return status(int(told), outcome.reason)


def discard(event: Event, site: Site) -> None:  # noqa: ARG001 -- as all are called
    """Delete what nobody will take: its sender has gone before its end, or before the answer."""
    forget_received(event.assoc)
