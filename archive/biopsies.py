"""Which exam holds the slides of a lesion's biopsy: a row of the same patient, or none."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import InvalidCapture, NotFound
from archive.lesion_schema import biopsy
from archive.lesions import read_lesion
from archive.record import ImageKind

_biopsy, _exam, _image = biopsy.c, schema.exam.c, schema.image.c


class Biopsies:
    """The biopsies of a catalogue's lesions, reached as `catalog.biopsies`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def link(self, lesion_id: str, exam_id: str, *, establishment: str | None) -> None:
        """Say that an exam of the lesion's patient holds its biopsy; again changes nothing.

        Raises NotFound for an exam that is not this patient's, and InvalidCapture for one without
        a slide.
        """
        with self._database.write() as connection:
            read_lesion(connection, lesion_id, establishment, hold=True)
            whose = sa.select(schema.lesion.c.patient_row).where(schema.lesion.c.id == lesion_id)
            patient_row = connection.scalar(whose)
            of_exam = sa.select(_exam.patient_row).where(_exam.id == exam_id)
            # Another patient's is answered as what does not exist, whichever establishment's.
            if connection.scalar(of_exam) != patient_row:
                raise NotFound("This patient has no such exam.")
            slides = sa.select(_image.id).where(
                _image.exam_id == exam_id, _image.kind == ImageKind.SLIDE
            )
            if connection.scalar(slides.limit(1)) is None:
                raise InvalidCapture("The exam has no slide; name that of the biopsy.")
            known = sa.select(_biopsy.exam_id).where(
                _biopsy.lesion_id == lesion_id, _biopsy.exam_id == exam_id
            )
            if connection.scalar(known) is None:
                connection.execute(
                    sa.insert(biopsy).values(
                        lesion_id=lesion_id,
                        exam_id=exam_id,
                        patient_row=patient_row,
                        recorded_at=datetime.now(UTC),
                    )
                )

    def unlink(self, lesion_id: str, exam_id: str, *, establishment: str | None) -> None:
        """Take the link back; where there is none, nothing changes. Raises NotFound."""
        with self._database.write() as connection:
            read_lesion(connection, lesion_id, establishment)
            connection.execute(
                sa.delete(biopsy).where(_biopsy.lesion_id == lesion_id, _biopsy.exam_id == exam_id)
            )

    def of(self, lesion_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The exams that hold the biopsies of lesions, in the order of their recording."""
        query = sa.select(_biopsy.lesion_id, _biopsy.exam_id).where(
            _biopsy.lesion_id.in_(lesion_ids)
        )
        found: dict[str, tuple[str, ...]] = dict.fromkeys(lesion_ids, ())
        with self._database.read() as connection:
            for row in connection.execute(query.order_by(_biopsy.recorded_at)):
                found[row.lesion_id] = (*found[row.lesion_id], row.exam_id)
        return found
