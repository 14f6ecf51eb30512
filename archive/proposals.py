"""Diameters of lesions that a program proposes, to be moved, kept or left by whoever reads.

Nothing here is a diagnosis. As other reading aids, a proposal is asked for by a row, and found by a
worker, with the version that found it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive.asked import has_room, require_photograph
from archive.database import Database
from archive.lesion_schema import proposed_diameter
from archive.measure import Segment

_proposed = proposed_diameter.c


@dataclass(frozen=True, slots=True)
class Proposal:
    """The two ends of a lesion in a photograph, or why none are proposed; None until answered."""

    image: str
    version: str | None = None
    segment: Segment | None = None
    reason: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether a worker has answered."""
        return self.version is not None


class Proposals:
    """Proposed diameters of a catalogue, reached as `catalog.proposals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, image_id: str, *, establishment: str | None) -> Proposal | None:
        """The proposal for a photograph, asked for where nobody did before.

        None where so much of the establishment waits that it is to be asked for later. Raises
        NotFound, and InvalidCapture for what is no published photograph.
        """
        with self._database.read() as connection:
            require_photograph(connection, image_id, establishment)
            known = read_proposal(connection, image_id)
            is_room = has_room(connection, _proposed.image_id, image_id)
        if known is not None:
            return known
        if not is_room:
            return None
        # Somebody may ask at the same moment: who asks again is told.
        with suppress(IntegrityError), self._database.write() as connection:
            asked = sa.insert(proposed_diameter)
            connection.execute(asked.values(image_id=image_id, asked_at=datetime.now(UTC)))
        return Proposal(image_id)

    def keep(self, found: Proposal) -> None:
        """Keep an answer; where the question went meanwhile, there is nothing to keep."""
        ends = found.segment
        answered = (
            sa.update(proposed_diameter)
            .where(_proposed.image_id == found.image)
            .values(
                done_at=datetime.now(UTC),
                version=found.version,
                from_x=ends.start[0] if ends else None,
                from_y=ends.start[1] if ends else None,
                to_x=ends.end[0] if ends else None,
                to_y=ends.end[1] if ends else None,
                marking_px=ends.marking_px if ends else None,
                reason=found.reason,
            )
        )
        with self._database.write() as connection:
            connection.execute(answered)


def read_proposal(connection: sa.Connection, image_id: str) -> Proposal | None:
    """What was asked of a photograph, and the answer where there is one."""
    query = sa.select(proposed_diameter).where(_proposed.image_id == image_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    segment = None
    if row["marking_px"] is not None:
        start, end = (row["from_x"], row["from_y"]), (row["to_x"], row["to_y"])
        segment = Segment(start, end, row["marking_px"])
    return Proposal(image_id, row["version"], segment, row["reason"])


def proposed_by(connection: sa.Connection, image_id: str, marked: Segment) -> str | None:
    """The version whose proposal these ends are, unmoved; None where somebody marked them."""
    known = read_proposal(connection, image_id)
    if known is None or known.segment is None:
        return None
    ours = (*known.segment.start, *known.segment.end)
    theirs = (*marked.start, *marked.end)
    # Numbers cross JSON and the database exactly, but pages may round them.
    unmoved = all(abs(one - other) < 0.01 for one, other in zip(ours, theirs, strict=True))
    return known.version if unmoved else None
