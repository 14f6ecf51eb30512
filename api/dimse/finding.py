"""C-FIND (PS3.4 C.4.1): the catalogue's search, as DICOMweb's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from api.dimse import attributes
from api.dimse.attributes import IMAGE, PATIENT, SERIES, STUDY
from api.dimse.identifiers import Asked, answered, asked, read
from api.dimse.site import LOG, Site, caller, status, still_there, told_of_failure
from api.dimse.table import Peer, Right
from api.metrics import count_dimse
from archive.errors import ArchiveError, InvalidQuery
from archive.instances import Instances
from archive.query import Query

PAGE = 500
"""How much of what is found is held at once."""
PENDING, PENDING_IN_PART, CANCELLED = 0xFF00, 0xFF01, 0xFE00
OUT_OF_RESOURCES, NO_SUCH_IDENTIFIER, CANNOT = 0xA700, 0xA900, 0xC001

_Find = Callable[..., Sequence[Any]]
_Tell = Callable[[Any], Mapping[str, Any]]


class _TooMany(Exception):
    """More is found than one answer holds."""


def find(event: Event, site: Site) -> Iterator[tuple[int | Dataset, Dataset | None]]:
    """Answer a query, one match after the other, until there are no more or it is cancelled."""
    outcome = "answered"
    with told_of_failure("find"):
        peer = caller(event, site.table, Right.FIND)
        try:
            query = read(asked, event)
            pending = PENDING if query.is_all else PENDING_IN_PART
            for values in _found(site, peer, query):
                if event.is_cancelled:
                    outcome = "cancelled"
                    yield CANCELLED, None
                    break
                yield pending, answered(query, values, site.table.title)
        except InvalidQuery as error:
            outcome = "refused"
            yield status(NO_SUCH_IDENTIFIER, str(error)), None
        except _TooMany:
            outcome = "too many"
            yield (
                status(OUT_OF_RESOURCES, "More is found than is told at once; ask for less."),
                None,
            )
        except ArchiveError as error:
            outcome = "failed"
            LOG.warning("a query of %s waits: %s", peer.title, type(error).__name__)
            yield status(CANNOT, "The archive does not answer; ask again later."), None
    count_dimse("find", outcome)
    still_there(event.assoc)


def _found(site: Site, peer: Peer, query: Asked) -> Iterator[Mapping[str, Any]]:
    search, tell = _search(site.catalog.instances, query.level)
    told = 0
    while True:
        page = search(
            Query(query.matches, limit=PAGE, offset=told), establishment=peer.establishment
        )
        for one in page:
            if told == site.table.bounds.found:
                raise _TooMany
            told += 1
            yield tell(one)
        if len(page) < PAGE:
            return


def _search(instances: Instances, level: str) -> tuple[_Find, _Tell]:
    found: Mapping[str, tuple[_Find, _Tell]] = {
        PATIENT: (instances.patients, attributes.of_patient),
        STUDY: (instances.studies, attributes.of_study),
        SERIES: (instances.series, attributes.of_series),
        IMAGE: (instances.instances, attributes.of_instance),
    }
    return found[level]
