"""Storage commitment (PS3.4 J): asked by N-ACTION, kept, and answered on another association."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pynetdicom.events import Event

from api.dimse.policies import STORAGE_COMMITMENT
from api.dimse.site import LOG, Site, caller, status, still_there, told_of_failure
from api.dimse.table import Destination, Right
from api.dimse.tls import towards
from api.metrics import count_dimse
from archive.commitments.requests import Asker, Reference, Request
from archive.dimse.calling import Called
from archive.dimse.reporting import report
from archive.errors import ArchiveError, InvalidQuery, OverQuota

THE_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The one instance of the service (PS3.4 J.3.5)."""
REQUEST_COMMITMENT, ALL_COMMITTED, SOME_FAILED = 1, 1, 2
SUCCESS, FAILED, NO_SUCH_INSTANCE = 0x0000, 0x0110, 0x0112
INVALID_ARGUMENT, NO_SUCH_ACTION, OUT_OF_RESOURCES = 0x0115, 0x0123, 0x0213
MOST_REFERENCES = 10000
LEASE_S, LOOK_EACH_S = 900.0, 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3600.0


def commit(event: Event, site: Site) -> tuple[int | Dataset, None]:
    """Keep what is asked, and say that it was: the answer comes later."""
    with told_of_failure("commit"):
        peer = caller(event, site.table, Right.COMMIT)
        outcome, answer = "taken", status(SUCCESS, "")
        if event.action_type != REQUEST_COMMITMENT:
            outcome, answer = "refused", status(NO_SUCH_ACTION, "No such action.")
        elif str(getattr(event.request, "RequestedSOPInstanceUID", "")) != THE_INSTANCE:
            outcome, answer = "refused", status(NO_SUCH_INSTANCE, "Not the well-known instance.")
        else:
            try:
                transaction_uid, references = _asked(event)
                site.catalog.commitments.ask(
                    peer.title, transaction_uid, references, establishment=peer.establishment
                )
            except InvalidQuery as error:
                outcome, answer = "refused", status(INVALID_ARGUMENT, str(error))
            except OverQuota as error:
                outcome, answer = "refused", status(OUT_OF_RESOURCES, str(error))
            except ArchiveError as error:
                LOG.warning("a commitment was not taken: %s", type(error).__name__)
                outcome, answer = "failed", status(FAILED, "The archive does not answer.")
    count_dimse("commit", outcome)
    still_there(event.assoc)
    return answer, None


def _asked(event: Event) -> tuple[str, list[Reference]]:
    try:
        told = event.action_information
        transaction_uid = str(told.TransactionUID)
        references = [
            (str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID))
            for one in told.ReferencedSOPSequence
        ]
    except Exception as error:  # pydicom raises what it likes
        raise InvalidQuery("The request cannot be read.") from error
    if not 0 < len(transaction_uid) <= 64 or not 0 < len(references) <= MOST_REFERENCES:
        raise InvalidQuery("The request has no name, or names nothing or too much.")
    return transaction_uid, references


@contextmanager
def answering(site: Site) -> Iterator[None]:
    """Answer what was asked, also before this process began, for as long as the block runs."""
    stop = threading.Event()
    site.catalog.commitments.lapse(_answered(site))

    def work() -> None:
        while not stop.is_set():
            try:
                is_done = answer_once(site)
            except ArchiveError as error:
                LOG.warning("commitments wait: %s", type(error).__name__)
                is_done = False
            if not is_done:
                stop.wait(LOOK_EACH_S)

    thread = threading.Thread(target=work, name="commitments", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def answer_once(site: Site) -> bool:
    """Answer the request that is due first; False where there is none. Raises StorageFailure."""
    commitments = site.catalog.commitments
    askers = _answered(site)
    request = commitments.claim(askers, LEASE_S)
    if request is None:
        return False
    to = askers[request.establishment, request.peer]
    try:
        called = Called(request.peer, to.host, to.port, towards(site.table, to))
        event_type, told = _report(site, request)
        report(site.table.title, called, STORAGE_COMMITMENT, THE_INSTANCE, event_type, told)
    except ArchiveError as error:
        LOG.warning("a commitment for %s waits: %s", request.peer, type(error).__name__)
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(request.attempt - 1, 20))
        commitments.put_off(request, pause_s)
        count_dimse("commitment", "put off")
        return True
    commitments.answered(request)
    count_dimse("commitment", "answered")
    return True


def _answered(site: Site) -> dict[Asker, Destination]:
    """Where those are answered who may ask: what others asked before they left waits in vain."""
    return {
        (one.establishment, one.title): one.destination
        for one in site.table.peers.values()
        if one.destination is not None and Right.COMMIT in one.may
    }


def _report(site: Site, request: Request) -> tuple[int, Dataset]:
    """What is held and what is not, as it is now (PS3.4 Table J.3-2)."""
    judged = site.catalog.received.committed(
        request.references, site.storage, establishment=request.establishment
    )
    told = Dataset()
    told.TransactionUID = request.transaction_uid
    told.RetrieveAETitle = site.table.title
    held, failed = [], []
    for reference, failure in zip(request.references, judged, strict=True):
        item = _item(reference)
        if failure is None:
            held.append(item)
        else:
            item.FailureReason = int(failure)
            failed.append(item)
    if held:
        told.ReferencedSOPSequence = Items(held)
    if failed:
        told.FailedSOPSequence = Items(failed)
    return (SOME_FAILED if failed else ALL_COMMITTED), told


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference
    return item
