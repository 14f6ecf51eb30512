"""Images opened from another system, reached as `catalog.invoked`."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import reading, schema
from archive.database import Database
from archive.departures import Whose, held_back, write_down
from archive.errors import NotAllowed
from archive.invoked.asked import Asked, Found
from archive.invoked.finding import find
from archive.leaving import Leaving, Way
from archive.record import Exam, Image, ImageKind, ImageState
from archive.session import Purpose

MOST_IMAGES = 100
"""Of one request: more is looked at by who signs in."""
SEEN = frozenset(ImageState) - {ImageState.REFUSED}


@dataclass(frozen=True, slots=True)
class Shown:
    """An image that whoever was sent here may look at, as long as it is of this patient."""

    image: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """What was let go, and how many images were not: they are opened by who signs in."""

    shown: tuple[Shown, ...]
    kept: int


class Invocations:
    """What other systems ask to be shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, asked: Asked, *, establishment: str | None) -> Found:
        """What is asked for; raises NotFound, alike for what is not here and what is not exact."""
        with self._database.read() as connection:
            return find(connection, asked, establishment)

    def exams(self, found: Found) -> tuple[Exam, ...]:
        """The exams that were found, with what can be looked at of them, newest first.

        What became another patient's since is left out: exams do by messages and decisions, while
        their images and tokens stay as they are.
        """
        with self._database.read() as connection:
            return _exams(connection, found)

    def let_go(self, found: Found, by: str) -> LetGo:
        """Let somebody without an account look at what was found, which is written down.

        Photographs go by the site's rule of what leaves for care; covered ones mostly stay.
        """
        with self._database.write() as connection:
            exams = _exams(connection, found)
            images = [one for exam in exams for one in exam.images]
            if found.image is not None:
                images = [one for one in images if one.id == found.image]
            owner = sa.select(schema.establishment.c.id).where(
                schema.establishment.c.name == found.establishment
            )
            owner_id = int(connection.execute(owner).scalar_one())
            open_ones = _that_may_leave(connection, images, owner_id, found.establishment)
            shown = open_ones[:MOST_IMAGES]
            if shown:
                leaving = Leaving(
                    Way.LINK, Purpose.CARE, tuple(one.id for one in shown), is_named=True
                )
                write_down(connection, leaving, by, owner_id)
        return LetGo(
            tuple(Shown(one.id, one.incarnation) for one in shown), len(images) - len(shown)
        )

    def require_first(self, proof: str, expires: datetime) -> None:
        """Keep that a signed request was answered; raises NotAllowed where it was already."""
        # Not as the keys that are exchanged are kept: nobody redeems a signature.
        kept = hashlib.blake2b(proof.encode(), digest_size=32).hexdigest()
        new = sa.insert(schema.link_key).values(key_sha256=kept, claims={}, expires_at=expires)
        try:
            with self._database.write() as connection:
                connection.execute(new)
        except IntegrityError as error:
            raise NotAllowed("This request was answered already; make another.") from error


def _exams(connection: sa.Connection, found: Found) -> tuple[Exam, ...]:
    exams = reading.exams_named(connection, found.exams, found.establishment, SEEN)
    same = (one for one in exams if one.patient_key == found.patient_key)
    return tuple(one for one in map(_as_it_may_be_seen, same) if one.images)


def _as_it_may_be_seen(exam: Exam) -> Exam:
    """An exam without photographs that are not published: they may be taken back."""
    images = tuple(
        one
        for one in exam.images
        if one.kind is ImageKind.SLIDE or one.state is ImageState.PUBLISHED
    )
    return replace(exam, images=images)


def _that_may_leave(
    connection: sa.Connection, images: Collection[Image], owner_id: int, establishment: str
) -> list[Image]:
    photos = [one.id for one in images if one.kind is ImageKind.PHOTO]
    exams = {one.id: one.exam_id for one in images}
    whose = Whose(owner_id, establishment, None, exams)
    held = {
        one for some in held_back(connection, whose, photos, Purpose.CARE).values() for one in some
    }
    return [one for one in images if one.id not in held]
