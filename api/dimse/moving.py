"""C-MOVE (PS3.4 C.4.2): stored instances, sent under today's identity to where the table says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.events import Event

from api.covered import cover_of
from api.dimse.identifiers import Asked, named, read
from api.dimse.site import LOG, Site, caller, has_room, status, still_there, told_of_failure
from api.dimse.table import Peer, Right
from api.dimse.tls import towards
from api.errors import ApiError, Covered
from api.metrics import count_dimse
from archive.dimse.calling import Called
from archive.dimse.sending import Originator, Sending, sending
from archive.errors import ArchiveError, InvalidQuery, LinkDown, LinkRefused, NoRoom, NotFound
from archive.query import FoundInstance, Query
from archive.today import brought_up_to_date
from tiles.composed import Composed
from tiles.errors import TilesError

PENDING, CANCELLED = 0xFF00, 0xFE00
NO_SUCH_IDENTIFIER, CANNOT, TOO_MANY = 0xA900, 0xC001, 0xA701
NOWHERE = (None, None)
Answer = tuple[int | Dataset, Dataset | None]


class Entity(AE):
    """Ourselves; where something is moved to, what is sent goes by a `Delivery`."""

    def associate(self, *args: Any, delivery: "Delivery | None" = None, **options: Any) -> Any:
        """The delivery, which has its association, or an association as pynetdicom has it."""
        return delivery or super().associate(*args, **options)


class Delivery:
    """A destination as pynetdicom's C-MOVE sees it: an association that sends what it is named.

    `line` is None where the destination did not answer: each instance fails then, as it should.
    """

    is_established = True

    def __init__(
        self,
        line: Sending | None,
        compose: Callable[[FoundInstance], Path],
        found: Sequence[FoundInstance],
        originator: Originator,
    ) -> None:
        self._line, self._compose, self._originator = line, compose, originator
        self._found = {one.sop_instance_uid: one for one in found}

    def send_c_store(self, named: Dataset, **_: object) -> Dataset:
        """Send the instance of this name; an answer without status counts as a failure."""
        answer = Dataset()
        if self._line is None:
            return answer
        try:
            path = self._compose(self._found[named.SOPInstanceUID])
            try:
                answer.Status = self._line.send(path, self._originator)
            finally:
                path.unlink()
        except (ArchiveError, ApiError, TilesError, OSError) as error:
            LOG.warning("an instance was not sent: %s", type(error).__name__)
        return answer

    def release(self) -> None:
        """Nothing: whoever opened the association closes it."""


def move(event: Event, site: Site) -> Iterator[Any]:
    """Send what is named: first to where, then how many there are, then each."""
    with told_of_failure("move"):
        peer = caller(event, site.table, Right.MOVE)
        to = site.table.peers.get(str(event.move_destination).strip())
        if to is None or to.destination is None or to.establishment != peer.establishment:
            count_dimse("move", "refused")
            yield NOWHERE
            return
        try:
            found = _named(site, peer, read(named, event))
        except (InvalidQuery, _TooMany, ArchiveError) as error:
            yield from _refused(_why(error))
            return
        with _delivering(event, site, peer, to, found) as delivery:
            yield to.destination.host, to.destination.port, {"delivery": delivery}
            yield len(found)
            yield from _each(event, found)
    still_there(event.assoc)


def _each(event: Event, found: Sequence[FoundInstance]) -> Iterator[Answer]:
    for one in found:
        if event.is_cancelled:
            count_dimse("move", "cancelled")
            yield CANCELLED, None
            return
        name = Dataset()
        name.SOPInstanceUID = one.sop_instance_uid
        yield PENDING, name
        still_there(event.assoc)
    count_dimse("move", "answered")


def _refused(why: Dataset) -> Iterator[Any]:
    """As pynetdicom is told of a refusal: there is no other way before a destination is named."""
    count_dimse("move", "refused")
    yield "", 0, {"delivery": Delivery(None, lambda _: Path(), (), Originator("", 0))}
    yield 1
    yield why, None


def _why(error: Exception) -> Dataset:
    if isinstance(error, _TooMany):
        return status(TOO_MANY, "These are more instances than are sent at once.")
    if isinstance(error, InvalidQuery):
        return status(NO_SUCH_IDENTIFIER, str(error))
    LOG.warning("a C-MOVE waits: %s", type(error).__name__)
    return status(CANNOT, "The archive does not answer; ask again later.")


class _TooMany(Exception):
    """More than is sent at once."""


def _named(site: Site, peer: Peer, query: Asked) -> list[FoundInstance]:
    """What is to be sent; raises InvalidQuery, also where a number is that of several patients."""
    most = site.table.bounds.found
    instances = site.catalog.instances
    found = instances.instances(
        Query(query.matches, limit=most + 1), establishment=peer.establishment
    )
    if len(found) > most:
        raise _TooMany
    if "StudyInstanceUID" not in query.matches:
        # A number means nothing without who gave it.
        whose = {(one.study.patient.issuer if one.study.patient else "") for one in found}
        if len(whose) > 1:
            raise InvalidQuery("Several patients have this number: name IssuerOfPatientID.")
    return found


@contextmanager
def _delivering(
    event: Event, site: Site, peer: Peer, to: Peer, found: Sequence[FoundInstance]
) -> Iterator[Delivery]:
    originator = Originator(peer.title, int(event.message_id))
    assert to.destination is not None
    called = Called(
        to.title, to.destination.host, to.destination.port, towards(site.table, to.destination)
    )
    kinds = {(one.sop_class_uid, one.described.transfer_syntax_uid) for one in found}
    with ExitStack() as held:
        folder = held.enter_context(TemporaryDirectory(prefix="moved-", dir=site.scratch))
        compose = partial(_composed, site, peer.establishment, Path(folder) / "moved.dcm")
        line = None
        if found:
            try:
                line = held.enter_context(sending(site.table.title, called, kinds))
            except (LinkDown, LinkRefused) as error:
                LOG.warning("%s was not reached: %s", to.title, type(error).__name__)
        yield Delivery(line, compose, found, originator)


def _composed(site: Site, establishment: str, path: Path, one: FoundInstance) -> Path:
    """An instance as a file, under whose it is today.

    Raises NotFound where it was moved, Covered where it is opened on purpose, and NoRoom.
    """
    names = {
        "StudyInstanceUID": one.study.study_instance_uid,
        "SeriesInstanceUID": one.described.series.series_instance_uid,
        "SOPInstanceUID": one.sop_instance_uid,
    }
    again = site.catalog.instances.instances(Query(names), establishment=establishment)
    if [each.key for each in again] != [one.key]:
        raise NotFound("It was moved.")
    # Nobody is there who could open it.
    if cover_of(site.catalog.image(one.image_id, establishment=establishment)) is not None:
        raise Covered
    exam = site.catalog.exam_alone(again[0].study.exam_id, establishment=establishment)
    instance = Composed.of(
        partial(site.storage.read_range, one.key),
        one.length_bytes,
        lambda header: brought_up_to_date(header, exam),
    )
    if not has_room(site, instance.length_bytes):
        raise NoRoom("The disk has no room for what is sent.")
    with path.open("wb") as file:
        file.writelines(instance.parts())
    return path
