"""What left the establishments of a catalogue: each time asked of the rule, and written down."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import covers, reading, schema
from archive.database import Database
from archive.errors import MayNotLeave, NotFound
from archive.homeward import IS_HERE, require_here
from archive.leaving import Departure, Leaving, Obstacle, Way, is_kept_in, may_leave_covered
from archive.ownership import owned
from archive.photographs import stated_of
from archive.reception import new_id
from archive.record import Image, ImageKind, ImageState
from archive.session import Purpose, may_be_used
from archive.session_rows import consents_of

_departure, _gone = schema.departure.c, schema.departed_image.c
_image, _exam, _owner = schema.image.c, schema.exam.c, schema.establishment.c

_MESSAGES = {
    Obstacle.UNPUBLISHED: "Some pictures are not published; leave them out.",
    Obstacle.PATIENTS: "The pictures are of several patients; take those of one.",
    Obstacle.CONSENT: "Nobody has consented to this purpose; record the consent, or leave them.",
    Obstacle.RECOGNIZABLE: "Somebody may be known by some of the pictures; leave them out.",
}


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose pictures are: rows of the establishment and the patient, None for nobody's.

    `exams` has the exam of each.
    """

    establishment_id: int
    establishment: str
    patient_row: int | None
    exams: Mapping[str, str]


class Departures:
    """What left, reached as `catalog.departures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, leaving: Leaving, *, by: str, establishment: str | None) -> Departure:
        """Write down what is about to leave, by whom; raises NotFound and MayNotLeave."""
        with self._database.write() as connection:
            return let_go(connection, leaving, by, establishment)

    def require_may_leave(self, leaving: Leaving, *, establishment: str | None) -> None:
        """Ask what `record` will ask, before anything is made; raises as that."""
        with self._database.read() as connection:
            whose = whose_pictures(connection, leaving.images, establishment)
            _require_may_leave(connection, whose, leaving.images, leaving.purpose)

    def record_link(self, image_id: str, *, by: str, establishment: str | None) -> Image:
        """Write down that a link to an image is about to be made, and give the image.

        Raises NotFound, and MayNotLeave for a photograph that might not leave for care. Slides are
        shown by links while they are built.
        """
        with self._database.write() as connection:
            image = reading.image(connection, image_id, establishment)
            require_here(connection, image.id)
            leaving = Leaving(Way.LINK, Purpose.CARE, (image.id,), is_named=True)
            if image.kind is ImageKind.PHOTO:
                let_go(connection, leaving, by, establishment)
            else:
                owner = sa.select(_exam.establishment_id).where(_exam.id == image.exam_id)
                write_down(connection, leaving, by, int(connection.execute(owner).scalar_one()))
            return image

    def latest(self, *, establishment: str | None, limit: int) -> tuple[Departure, ...]:
        """The last ones of an establishment, newest first."""
        query = (
            sa.select(schema.departure, _owner.name.label("establishment"))
            .select_from(schema.departure.join(schema.establishment))
            .order_by(_departure.at.desc(), _departure.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(owned(query, establishment)).mappings().all()
            images = _images_of(connection, [row["id"] for row in rows])
        return tuple(_from_row(row, images[row["id"]]) for row in rows)


def let_go(
    connection: sa.Connection, leaving: Leaving, by: str, establishment: str | None
) -> Departure:
    """Ask the rule and write down what leaves, in the transaction of whatever it is a part of.

    Raises NotFound for a picture that is none of this establishment's, and MayNotLeave.
    """
    whose = whose_pictures(connection, leaving.images, establishment)
    _require_may_leave(connection, whose, leaving.images, leaving.purpose)
    departure_id, now = write_down(connection, leaving, by, whose.establishment_id)
    return Departure(departure_id, whose.establishment, by, now, leaving)


def write_down(
    connection: sa.Connection, leaving: Leaving, by: str, establishment_id: int
) -> tuple[str, datetime]:
    """Keep that something leaves, of which the rule was asked; gives its id, and when."""
    now, departure_id = datetime.now(UTC), new_id()
    connection.execute(
        sa.insert(schema.departure).values(
            id=departure_id,
            establishment_id=establishment_id,
            by_subject=by,
            at=now,
            way=leaving.way,
            purpose=leaving.purpose,
            is_named=leaving.is_named,
        )
    )
    places = [
        {"departure_id": departure_id, "place": place, "image_id": image}
        for place, image in enumerate(leaving.images)
    ]
    connection.execute(sa.insert(schema.departed_image), places)
    return departure_id, now


def _require_may_leave(
    connection: sa.Connection, whose: Whose, images: Sequence[str], purpose: Purpose
) -> None:
    """Ask the rule; raises MayNotLeave."""
    for obstacle, held in held_back(connection, whose, images, purpose).items():
        if held:
            raise refused(obstacle, held)


def held_back(
    connection: sa.Connection, whose: Whose, images: Sequence[str], purpose: Purpose
) -> Mapping[Obstacle, list[str]]:
    """The pictures that the rule keeps here, by what stands in their way."""
    consents = consents_of(connection, set(whose.exams.values()))
    said = stated_of(connection, images)
    rule = covers.rule_of(connection, whose.establishment_id)
    return {
        Obstacle.CONSENT: [
            one for one in images if not may_be_used(consents[whose.exams[one]], purpose)
        ],
        Obstacle.RECOGNIZABLE: [
            one
            for one in images
            if is_kept_in(said.get(one))
            and not may_leave_covered(rule, consents[whose.exams[one]], purpose)
        ],
    }


def whose_pictures(
    connection: sa.Connection, images: Sequence[str], establishment: str | None
) -> Whose:
    """Whose the pictures are, all published and of one patient.

    Raises NotFound for a picture that is none of this establishment's, and MayNotLeave.
    """
    query = (
        sa.select(
            _image.id,
            _image.exam_id,
            _image.state,
            _exam.patient_row,
            _exam.establishment_id,
            _owner.name.label("establishment"),
        )
        .select_from(schema.image.join(schema.exam).join(schema.establishment))
        .where(_image.id.in_(images), IS_HERE)
    )
    rows = connection.execute(owned(query, establishment)).all()
    if not rows or {row.id for row in rows} != set(images):
        raise NotFound("There is no such image.")
    waiting = [row.id for row in rows if row.state is not ImageState.PUBLISHED]
    if waiting:
        raise refused(Obstacle.UNPUBLISHED, waiting)
    if len({(row.establishment_id, row.patient_row) for row in rows}) > 1:
        raise refused(Obstacle.PATIENTS, images)
    one, exams = rows[0], {row.id: row.exam_id for row in rows}
    return Whose(one.establishment_id, one.establishment, one.patient_row, exams)


def refused(obstacle: Obstacle, images: Sequence[str]) -> MayNotLeave:
    """The refusal of pictures, in words for people."""
    return MayNotLeave(_MESSAGES[obstacle], obstacle, tuple(images))


def _images_of(connection: sa.Connection, departures: Sequence[str]) -> dict[str, list[str]]:
    query = (
        sa.select(_gone.departure_id, _gone.image_id)
        .where(_gone.departure_id.in_(departures))
        .order_by(_gone.place)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.departure_id].append(row.image_id)
    return found


def _from_row(row: sa.RowMapping, images: Sequence[str]) -> Departure:
    leaving = Leaving(row["way"], row["purpose"], tuple(images), row["is_named"])
    return Departure(row["id"], row["establishment"], row["by_subject"], row["at"], leaving)
