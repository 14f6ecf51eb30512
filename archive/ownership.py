"""What an establishment may see: rows that are its own."""

from typing import Any, TypeVar

import sqlalchemy as sa

from archive import schema

Query = TypeVar("Query", bound=sa.Select[Any])


def owned(query: Query, establishment: str | None) -> Query:
    """The part of a query, joined with its establishment, that is this one's; None means all."""
    if establishment is None:
        return query
    return query.where(schema.establishment.c.name == establishment)
