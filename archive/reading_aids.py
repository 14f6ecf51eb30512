"""What programs found in photographs to help people look, kept with the version that found it.

Nothing here is a diagnosis. What is asked for waits as a row until a worker has answered; serving
reads the answers and computes none.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import schema
from archive.asked import has_room, require_photograph
from archive.database import Database
from archive.errors import InvalidCapture, NotFound
from archive.homeward import IS_HERE
from archive.lesion_schema import comparison, measure, ruler_reading
from archive.lesions import read_lesion
from archive.measure import STATED, Length, Segment, Spacing, diameter
from archive.proposals import proposed_by
from archive.reception import new_id
from archive.record import ImageState

Matrix: TypeAlias = Sequence[Sequence[float]]

_image, _photo, _exam = schema.image.c, schema.photograph.c, schema.exam.c
_RULER_TOLD = ("version", "mm_per_pixel", "uncertainty_mm", "angle_deg", "marks", "reason")
_compared, _ruler, _measure = comparison.c, ruler_reading.c, measure.c


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a photograph of a lesion lies on a later one; all None while nobody has found out.

    `matrix` is 3 × 3: pixel centres (x, y, 1) of the first to those of the second. Where there is
    none, `reason` says why they cannot be aligned, never that they show different lesions.
    """

    first: str
    second: str
    version: str | None = None
    matrix: Matrix | None = None
    model: str | None = None
    agreement: float | None = None
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether a worker has answered."""
        return self.version is not None


@dataclass(frozen=True, slots=True)
class RulerReading:
    """The scale that a ruler in a photograph gives, or why it gives none; None as above."""

    image: str
    version: str | None = None
    mm_per_pixel: float | None = None
    uncertainty_mm: float | None = None
    angle_deg: float | None = None
    marks: int | None = None
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether a worker has answered."""
        return self.version is not None


@dataclass(frozen=True, slots=True)
class Measure:
    """A diameter as somebody marked it, and what said how large a pixel is."""

    id: str
    image: str
    segment: Segment
    length: Length
    scale: str
    measured_at: datetime
    proposed_by: str | None = None
    """The version of the method whose proposal it is, unmoved; None for what was marked by hand."""


class ReadingAids:
    """Comparisons, scales and measures of a catalogue, reached as `catalog.aids`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask_comparison(
        self, lesion_id: str, first: str, second: str, *, establishment: str | None
    ) -> Comparison | None:
        """The comparison of two photographs of a lesion, asked for where nobody did before.

        None where so much of the establishment waits that it is to be asked for later. Raises
        NotFound where one is no published photograph of this lesion.
        """
        with self._database.read() as connection:
            read_lesion(connection, lesion_id, establishment)
            known = _known(connection, first, second)
            shown = _published(connection, lesion_id, (first, second))
            is_room = has_room(connection, _compared.second_id, second)
        if len(shown) != 2 or first == second:
            raise NotFound("The lesion has no two such photographs in the archive.")
        if known is not None:
            return known
        if not is_room:
            return None
        # Somebody may ask at the same moment, or an image be moved: who asks again is told.
        with suppress(IntegrityError), self._database.write() as connection:
            asked = sa.insert(comparison).values(
                first_id=first,
                second_id=second,
                lesion_id=lesion_id,
                asked_at=datetime.now(UTC),
            )
            connection.execute(asked)
        return Comparison(first, second)

    def waiting_comparisons(self, second: str) -> tuple[Comparison, ...]:
        """What has been asked of a photograph and not been answered."""
        query = sa.select(comparison).where(
            _compared.second_id == second, _compared.done_at.is_(None)
        )
        with self._database.read() as connection:
            return tuple(_comparison(row) for row in connection.execute(query).mappings())

    def keep_comparison(self, found: Comparison) -> None:
        """Keep an answer; where the question went meanwhile, there is nothing to keep."""
        answered = (
            sa.update(comparison)
            .where(_compared.first_id == found.first, _compared.second_id == found.second)
            .values(
                done_at=datetime.now(UTC),
                version=found.version,
                matrix=found.matrix,
                model=found.model,
                agreement=found.agreement,
                reason=found.reason,
            )
        )
        with self._database.write() as connection:
            connection.execute(answered)

    def ask_ruler(self, image_id: str, *, establishment: str | None) -> RulerReading | None:
        """The scale of a photograph's ruler, asked for where nobody did before; None as above.

        Raises NotFound, and InvalidCapture for what is no published photograph.
        """
        with self._database.read() as connection:
            require_photograph(connection, image_id, establishment)
            known = _reading(connection, image_id)
            is_room = has_room(connection, _ruler.image_id, image_id)
        if known is not None:
            return known
        if not is_room:
            return None
        with suppress(IntegrityError), self._database.write() as connection:
            asked = sa.insert(ruler_reading)
            connection.execute(asked.values(image_id=image_id, asked_at=datetime.now(UTC)))
        return RulerReading(image_id)

    def ruler(self, image_id: str) -> RulerReading | None:
        """What the ruler of an image gave, published or not; None where nobody looked for one."""
        with self._database.read() as connection:
            read = _reading(connection, image_id)
        return read if read is not None and read.is_done else None

    def keep_ruler(self, found: RulerReading) -> None:
        """Keep an answer, whether or not somebody asked; of an image that is gone, nothing."""
        now = datetime.now(UTC)
        told = {name: getattr(found, name) for name in _RULER_TOLD}
        with suppress(IntegrityError), self._database.write() as connection:
            answered = sa.update(ruler_reading).where(_ruler.image_id == found.image)
            if connection.execute(answered.values(done_at=now, **told)).rowcount:
                return
            unasked = sa.insert(ruler_reading)
            connection.execute(
                unasked.values(image_id=found.image, asked_at=now, done_at=now, **told)
            )

    def spacing(self, image_id: str, *, establishment: str | None) -> Spacing | None:
        """What a pixel measures: as stated with the photograph, else by its ruler; None for none.

        Raises NotFound.
        """
        with self._database.read() as connection:
            require_photograph(connection, image_id, establishment)
            return _spacing(connection, image_id)

    def measure(self, image_id: str, segment: Segment, *, establishment: str | None) -> Measure:
        """Keep a diameter marked in a photograph that has a scale.

        Raises NotFound, and InvalidCapture where no scale gives millimetres.
        """
        with self._database.write() as connection:
            require_photograph(connection, image_id, establishment)
            spacing = _spacing(connection, image_id)
            if spacing is None:
                raise InvalidCapture(
                    "The photograph has no scale; without a ruler or a known dermoscope there are "
                    "no millimetres."
                )
            length = diameter(spacing, segment)
            by = proposed_by(connection, image_id, segment)
            now = datetime.now(UTC)
            made = Measure(new_id(), image_id, segment, length, spacing.scale, now, by)
            connection.execute(
                sa.insert(measure).values(
                    id=made.id,
                    image_id=image_id,
                    from_x=segment.start[0],
                    from_y=segment.start[1],
                    to_x=segment.end[0],
                    to_y=segment.end[1],
                    mm=length.mm,
                    uncertainty_mm=length.uncertainty_mm,
                    scale=made.scale,
                    measured_at=made.measured_at,
                    proposed_by=by,
                )
            )
            return made

    def forget_measure(self, image_id: str, measure_id: str, *, establishment: str | None) -> None:
        """Take a measure back; raises NotFound where the photograph has no such measure."""
        with self._database.write() as connection:
            require_photograph(connection, image_id, establishment)
            gone = sa.delete(measure).where(
                _measure.id == measure_id, _measure.image_id == image_id
            )
            if connection.execute(gone).rowcount != 1:
                raise NotFound("The photograph has no such measure.")

    def measures(self, image_ids: Sequence[str]) -> tuple[Measure, ...]:
        """The measures of photographs that the caller may see, in the order of their making."""
        query = sa.select(measure).where(_measure.image_id.in_(image_ids))
        query = query.order_by(_measure.measured_at, _measure.id)
        with self._database.read() as connection:
            return tuple(_measured(row) for row in connection.execute(query).mappings())


def _known(connection: sa.Connection, first: str, second: str) -> Comparison | None:
    query = sa.select(comparison).where(_compared.first_id == first, _compared.second_id == second)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _comparison(row)


def _comparison(row: sa.RowMapping) -> Comparison:
    told = {name: row[name] for name in ("version", "matrix", "model", "agreement", "reason")}
    return Comparison(row["first_id"], row["second_id"], **told)


def _published(connection: sa.Connection, lesion_id: str, images: Sequence[str]) -> Sequence[str]:
    query = (
        sa.select(_photo.image_id)
        .select_from(schema.photograph.join(schema.image, _photo.image_id == _image.id))
        .where(
            _photo.lesion_id == lesion_id,
            _photo.image_id.in_(images),
            _image.state == ImageState.PUBLISHED,
            IS_HERE,
        )
    )
    return connection.scalars(query).all()


def _reading(connection: sa.Connection, image_id: str) -> RulerReading | None:
    query = sa.select(ruler_reading).where(_ruler.image_id == image_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return RulerReading(image_id, **{name: row[name] for name in _RULER_TOLD})


def _spacing(connection: sa.Connection, image_id: str) -> Spacing | None:
    columns = (_photo.row_spacing_mm, _photo.column_spacing_mm)
    query = sa.select(*columns).where(_photo.image_id == image_id, columns[0].is_not(None))
    stated = connection.execute(query).one_or_none()
    if stated is not None:
        return Spacing(stated[0], stated[1], 0.0, STATED)
    read = _reading(connection, image_id)
    if read is None or read.mm_per_pixel is None:
        return None
    share = (read.uncertainty_mm or 0.0) / read.mm_per_pixel
    return Spacing(read.mm_per_pixel, read.mm_per_pixel, share, f"ruler {read.version}")


def _measured(row: sa.RowMapping) -> Measure:
    values: dict[str, Any] = dict(row)
    return Measure(
        values["id"],
        values["image_id"],
        Segment((values["from_x"], values["from_y"]), (values["to_x"], values["to_y"])),
        Length(values["mm"], values["uncertainty_mm"]),
        values["scale"],
        values["measured_at"],
        values["proposed_by"],
    )
