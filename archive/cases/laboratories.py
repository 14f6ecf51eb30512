"""The laboratories of establishments, as the catalogue keeps them."""

from collections.abc import Mapping

import sqlalchemy as sa

from archive import schema
from archive.cases.laboratory import Laboratory
from archive.cases.schema import laboratory
from archive.reception import establishment_row


def read_laboratory(connection: sa.Connection, establishment_id: int) -> Laboratory:
    """An establishment's laboratory; one that says nothing of itself, where it has none."""
    query = sa.select(laboratory).where(laboratory.c.establishment_id == establishment_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return Laboratory()
    return Laboratory(row["issuer"], row["barcode"], row["names_slides"], tuple(row["frozen"]))


def declared(connection: sa.Connection) -> dict[str, Laboratory]:
    """All laboratories, by establishment."""
    owner = schema.establishment
    query = sa.select(owner.c.id, owner.c.name).select_from(owner.join(laboratory))
    rows = connection.execute(query).all()
    return {row.name: read_laboratory(connection, row.id) for row in rows}


def declare(connection: sa.Connection, stated: Mapping[str, Laboratory]) -> tuple[int, ...]:
    """Keep the laboratories as they are stated now, those alone; gives whose changed."""
    wanted = {establishment_row(connection, name): one for name, one in stated.items()}
    known = {
        row.establishment_id: read_laboratory(connection, row.establishment_id)
        for row in connection.execute(sa.select(laboratory.c.establishment_id)).all()
    }
    changed = tuple(
        one for one in wanted.keys() | known.keys() if wanted.get(one) != known.get(one)
    )
    if changed:
        gone = sa.delete(laboratory).where(laboratory.c.establishment_id.in_(changed))
        connection.execute(gone)
    for one in changed:
        if one in wanted:
            said = wanted[one]
            row = {
                "establishment_id": one,
                "issuer": said.issuer,
                "barcode": said.barcode,
                "names_slides": said.names_slides,
                "frozen": list(said.frozen),
            }
            connection.execute(sa.insert(laboratory).values(row))
    return changed
