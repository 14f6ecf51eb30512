"""The rows of one order: what was said last counts, whoever's number it was said under.

The rows of an order name one patient by several numbers since a merge. What an older one says is
ended by the newest, when that comes or when the merge does, whichever is later.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.label import Position
from archive.cases.order import Numbered, Stay
from archive.cases.schema import container, lab_case, lab_order, order_visit
from archive.cases.visited import moved_orders
from archive.identities.pointers import numbers_of, survivors
from archive.reception import numbered

_case, _order, _container, _patient = lab_case.c, lab_order.c, container.c, schema.patient.c

Stamp = tuple[datetime, str]
Row = dict[str, Any] | sa.RowMapping
Ended = dict[str, Any]
"""An order that a newer version ended: its row, that one's, and what was said of it before."""

TO_COME = Numbered("", "\\")
"""What orders are kept under that were cancelled before they came: a number that none can have."""


def is_newer(stamp: Stamp, than: tuple[datetime | None, str | None]) -> bool:
    """Whether a version was said after another: its moment, then the number of its message."""
    at, said_in = than
    if at is None:
        return True
    # Messages of one second are told apart by their numbers, of which the longer is the later.
    return (stamp[0], stamp[1].rjust(64)) > (at, (said_in or "").rjust(64))


def versions(
    connection: sa.Connection, owner: int, number: Numbered, patient_id: str, issuer: str
) -> Sequence[sa.RowMapping]:
    """The rows of an order, held: of its number, and of the same patient as known today.

    Of another patient it is another order, and never goes from one to another by itself.
    """
    is_of_number = sa.and_(
        _case.establishment_id == owner,
        _order.number == number.number,
        _order.number_issuer == number.issuer,
    )
    query = (
        sa.select(lab_order, _case.issuer.label("case_issuer"), _patient.id.label("whom"))
        .select_from(lab_order.join(lab_case).outerjoin(schema.patient, _IS_PATIENT))
        .where(is_of_number)
        .with_for_update(of=lab_order)
    )
    rows = connection.execute(query).mappings().all()
    own = numbered(connection, owner, issuer, patient_id)
    moved = moved_orders(connection, is_of_number)
    whose = {one["id"]: moved.get(one["id"], one["whom"]) for one in rows}
    into = survivors(connection, {own, *whose.values()} - {None})
    return [
        one
        for one in rows
        if (one["patient_issuer"], one["patient_id"]) == (issuer, patient_id)
        or (own is not None and into[own] == into.get(whose[one["id"]]))
    ]


_IS_PATIENT = sa.and_(
    _patient.establishment_id == _case.establishment_id,
    _patient.issuer == _order.patient_issuer,
    _patient.patient_id == _order.patient_id,
)


def end(connection: sa.Connection, rows: Iterable[sa.RowMapping], stamp: Stamp) -> None:
    """Cancel orders of which nothing was said since."""
    said = {"is_cancelled": True, "status_at": stamp[0], "status_in": stamp[1]}
    for row in rows:
        if is_newer(stamp, (row["status_at"], row["status_in"])):
            connection.execute(sa.update(lab_order).where(_order.id == row["id"]).values(said))


def end_older(
    connection: sa.Connection, rows: Sequence[sa.RowMapping], *, in_one_case: bool
) -> None:
    """Cancel an order where it is not any more, as its newest version says.

    That is under another accession number, and under a number of the patient's before a merge.
    One that only its placer numbers may be done in several cases, of which none ends another.
    """
    came = [one for one in rows if one["said_at"] is not None]
    for newest in sorted(came, key=lambda one: (one["said_at"], one["said_in"].rjust(64))):
        stamp = newest["said_at"], newest["said_in"]
        left = [
            one
            for one in rows
            if is_newer(stamp, (one["said_at"], one["said_in"]))
            and (not in_one_case or one["case_id"] == newest["case_id"])
        ]
        end(connection, left, stamp)
        for one in left:
            if one["case_id"] == newest["case_id"]:
                _inherit(connection, one["id"], newest["id"])


def bring_together(connection: sa.Connection, whom: Collection[int]) -> list[Ended]:
    """Let what was said of one order under two numbers of these patients be of one order.

    As if it had been said after the merge that makes the two one; gives what `set_apart` needs.
    """
    numbers = numbers_of(connection, set(survivors(connection, whom).values()))
    twin, theirs = lab_order.alias(), sa.select(lab_order, _case.establishment_id.label("owner"))
    is_twin = sa.and_(
        twin.c.number == _order.number,
        twin.c.number_issuer == _order.number_issuer,
        twin.c.id != _order.id,
    )
    theirs = theirs.select_from(
        lab_order.join(lab_case).join(schema.patient, _IS_PATIENT).join(twin, is_twin)
    )
    found: dict[tuple[int, str, str], sa.RowMapping] = {}
    for row in connection.execute(theirs.where(_patient.id.in_(numbers))).mappings():
        found[row["owner"], row["number"], row["number_issuer"]] = row
    ended: list[Ended] = []
    for (owner, *number), row in found.items():
        whose = row["patient_id"], row["patient_issuer"]
        rows = versions(connection, owner, Numbered(*number), *whose)
        if len({(one["patient_issuer"], one["patient_id"]) for one in rows}) > 1:
            ended += _brought_together(connection, rows)
    return ended


def _brought_together(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[Ended]:
    ids = [one["id"] for one in rows]
    before = _standing(connection, ids)
    placer = rows[0]["placer_number"], rows[0]["placer_issuer"] or ""
    is_placers = (rows[0]["number"], rows[0]["number_issuer"]) == placer
    end_older(connection, rows, in_one_case=is_placers)
    for gone in rows:
        if gone["said_at"] is None and gone["is_cancelled"]:
            # Cancelled under this number of the patient before anything else came under it.
            is_by_number = gone["case_issuer"] == TO_COME.issuer
            meant = [one for one in rows if is_by_number or one["case_id"] == gone["case_id"]]
            end(connection, meant, (gone["status_at"], gone["status_in"]))
    after = _standing(connection, ids)
    gone_ids = [one for one in ids if before[one]["status"] != after[one]["status"]]
    return [
        {
            "order": one,
            "by": _ender(rows, after[one]["status"])
            if one in gone_ids
            else next(iter(gone_ids), None),
            "before": before[one]["status"],
            "after": after[one]["status"],
            **{
                name: [each for each in after[one][name] if each not in before[one][name]]
                for name in ("containers", "visits")
            },
        }
        for one in ids
        if before[one] != after[one]
    ]


def _ender(rows: Sequence[sa.RowMapping], status: Sequence[Any]) -> str | None:
    """The row that says what ended an order."""
    at, said_in = datetime.fromisoformat(status[1]), status[2]
    stamps = {(one[f"{what}_at"], one[f"{what}_in"]): one["id"] for one in rows for what in _SAID}
    return stamps.get((at, said_in))


_SAID = ("status", "said")


def _standing(connection: sa.Connection, order_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """What is said of orders, of their containers and of their visits, as JSON holds it."""
    found: dict[str, dict[str, Any]] = {}
    of = sa.select(_order.id, _order.is_cancelled, _order.status_at, _order.status_in)
    for row in connection.execute(of.where(_order.id.in_(order_ids))):
        status = [row.is_cancelled, row.status_at.isoformat(), row.status_in]
        found[row.id] = {"status": status, "containers": [], "visits": []}
    for one in order_ids:
        found[one]["containers"] = [
            [*_where(row), row["named_at"].isoformat(), row["named_in"]]
            for row in containers_of(connection, one)
        ]
        said = sa.select(order_visit).where(order_visit.c.order_id == one)
        found[one]["visits"] = [
            [row.kind, row.number, row.issuer] for row in connection.execute(said)
        ]
    return found


def set_apart(connection: sa.Connection, ended: Iterable[Ended]) -> None:
    """Let orders that are of two patients again stand as before `bring_together`.

    But for what was said of them since.
    """
    for one in ended:
        query = sa.select(lab_order, _case.establishment_id.label("owner")).join(lab_case)
        row = connection.execute(query.where(_order.id == one["order"])).mappings().one()
        number = Numbered(row["number"], row["number_issuer"])
        whose = row["patient_id"], row["patient_issuer"]
        held = versions(connection, row["owner"], number, *whose)
        if one["by"] in {each["id"] for each in held}:
            continue
        is_it = _order.id == one["order"]
        query = sa.select(_order.is_cancelled, _order.status_at, _order.status_in).where(is_it)
        now = connection.execute(query).one()
        if [now[0], now[1].isoformat(), now[2]] == one["after"]:
            is_cancelled, at, said_in = one["before"]
            stood = {"status_at": datetime.fromisoformat(at), "status_in": said_in}
            change = sa.update(lab_order).where(is_it)
            connection.execute(change.values(is_cancelled=is_cancelled, **stood))
        for *where, at, said_in in one["containers"]:
            gained = sa.delete(container).where(
                _container.order_id == one["order"],
                *_is_at(Position(*where)),
                _container.named_at == datetime.fromisoformat(at),
                _container.named_in == said_in,
            )
            connection.execute(gained)
        for kind, number, issuer in one["visits"]:
            said = order_visit.c
            mine = (said.order_id == one["order"], said.number == number, said.issuer == issuer)
            connection.execute(sa.delete(order_visit).where(*mine, said.kind == Stay(kind)))


def put_containers(connection: sa.Connection, order_id: str, rows: Iterable[Row]) -> None:
    """Keep what a version names, unless a newer one named it; nothing that was named is lost."""
    known = {
        place_of(row): (row["named_at"], row["named_in"])
        for row in containers_of(connection, order_id)
    }
    for row in rows:
        where = place_of(row)
        if where in known and not is_newer((row["named_at"], row["named_in"]), known[where]):
            continue
        same = (_container.order_id == order_id, *_is_at(where))
        connection.execute(sa.delete(container).where(*same))
        connection.execute(sa.insert(container).values({**row, "order_id": order_id}))


def containers_of(connection: sa.Connection, order_id: str) -> Sequence[sa.RowMapping]:
    """What an order names, or named."""
    named = sa.select(container).where(_container.order_id == order_id)
    return connection.execute(named).mappings().all()


def place_of(row: Row) -> Position:
    """Where in its case a container stands."""
    return Position(*_where(row))


def _where(row: Row) -> tuple[str, str, str]:
    return row["specimen"], row["block"], row["slide"]


def _is_at(where: Position) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _container.specimen == where.specimen,
        _container.block == where.block,
        _container.slide == where.slide,
    )


def _inherit(connection: sa.Connection, older: str, newest: str) -> None:
    """Let the newest row of an order know what an older one says and it says nothing of."""
    put_containers(connection, newest, containers_of(connection, older))
    visits = sa.select(order_visit).where(order_visit.c.order_id == newest)
    if connection.execute(visits).first() is None:
        columns = order_visit.c
        said = sa.select(sa.literal(newest), columns.kind, columns.number, columns.issuer)
        said = said.where(columns.order_id == older)
        names = ["order_id", "kind", "number", "issuer"]
        connection.execute(sa.insert(order_visit).from_select(names, said))
