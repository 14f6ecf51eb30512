"""Covered pictures: opened on purpose, which is written down, and let go by a site's rule."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import reading, schema
from archive.database import Database
from archive.leaving import CoveredLeave
from archive.reception import establishment_row

OPEN_S = 12 * 3600.0
"""For how long who opened a picture need not say so again."""
_opened, _rule = schema.uncovering.c, schema.site_rule.c


class Covers:
    """Who opened which covered picture, reached as `catalog.covers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, image_id: str, subject: str) -> None:
        """Write down that somebody opens a picture on purpose; raises NotFound."""
        with self._database.write() as connection:
            reading.image(connection, image_id, None)
            now = datetime.now(UTC)
            connection.execute(
                sa.insert(schema.uncovering).values(image_id=image_id, subject=subject, at=now)
            )

    def is_open(self, image_id: str, subject: str) -> bool:
        """Whether that somebody has opened it lately."""
        since = datetime.now(UTC) - timedelta(seconds=OPEN_S)
        lately = sa.select(_opened.id).where(
            _opened.image_id == image_id, _opened.subject == subject, _opened.at > since
        )
        with self._database.read() as connection:
            return connection.scalar(lately.limit(1)) is not None

    def opened(self, image_id: str) -> tuple[tuple[str, datetime], ...]:
        """Who has opened a picture, and when, the first one first."""
        query = sa.select(_opened.subject, _opened.at).where(_opened.image_id == image_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_opened.id)).all()
        return tuple((row.subject, row.at) for row in rows)

    def set_rule(self, establishment: str, rule: CoveredLeave) -> None:
        """What an establishment lets go of covered pictures, from now on."""
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            connection.execute(sa.delete(schema.site_rule).where(_rule.establishment_id == owner))
            new = sa.insert(schema.site_rule).values(establishment_id=owner, covered_leave=rule)
            connection.execute(new)


def rule_of(connection: sa.Connection, establishment_id: int) -> CoveredLeave:
    """An establishment's rule: nothing leaves where nobody has set one."""
    stated = sa.select(_rule.covered_leave).where(_rule.establishment_id == establishment_id)
    return connection.scalar(stated) or CoveredLeave.NEVER
