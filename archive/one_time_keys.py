"""Keys that sign somebody in, or open a link, exactly once."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import NotAllowed

_key = schema.link_key.c


def issue(database: Database, claims: Mapping[str, Any], expires: datetime) -> str:
    """Make a key, of which only the hash is kept."""
    key = secrets.token_urlsafe(32)
    with database.write() as connection:
        connection.execute(sa.delete(schema.link_key).where(_key.expires_at <= datetime.now(UTC)))
        connection.execute(
            sa.insert(schema.link_key).values(
                key_sha256=_sha256(key), claims=dict(claims), expires_at=expires
            )
        )
    return key


def redeem(database: Database, key: str) -> dict[str, Any]:
    """Give the claims of a key, exactly once; raises NotAllowed afterwards, or when expired."""
    good = sa.and_(_key.key_sha256 == _sha256(key), _key.expires_at > datetime.now(UTC))
    # Strangers may ask: a wrong key must not take the one writer's place.
    with database.read() as connection:
        row = connection.execute(sa.select(_key.claims).where(good)).one_or_none()
    if row is not None:
        # Deleting is what makes it once: of two callers, one finds the row gone.
        with database.write() as connection:
            taken = sa.delete(schema.link_key).where(good).returning(_key.claims)
            row = connection.execute(taken).one_or_none()
    if row is None:
        raise NotAllowed("This sign-in link was already used or has expired; ask for another.")
    return dict(row.claims)


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
