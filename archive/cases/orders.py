"""Versions of orders become rows: the newest by its own time counts, however they arrive."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from archive.cases.order import Container, Numbered, OrderPlaced
from archive.cases.schema import (
    container,
    lab_case,
    lab_order,
    order_visit,
    scan,
    scan_text,
)
from archive.cases.versions import (
    TO_COME,
    end,
    end_older,
    is_newer,
    place_of,
    put_containers,
    versions,
)
from archive.reception import establishment_row, new_id

_case, _order, _container = lab_case.c, lab_order.c, container.c


def place(connection: sa.Connection, order: OrderPlaced) -> tuple[str, tuple[str, ...]]:
    """Keep a version of an order that was checked; gives its case, and what may change by it.

    That is the images of slides whose labels mean it, and are linked to nothing.
    """
    owner = establishment_row(connection, order.establishment)
    if order.accession is None:
        return _cancel(connection, owner, order), ()
    case_id = case_row(connection, owner, order.accession)
    row = _held(connection, case_id, order)
    if row is None:
        row = _new(connection, case_id, order, _told_before(connection, owner, order))
    stamp = (order.said_at, order.said_in)
    values: dict[str, Any] = {}
    if is_newer(stamp, (row["status_at"], row["status_in"])):
        values = {
            "status_at": order.said_at,
            "status_in": order.said_in,
            "is_cancelled": order.is_cancelled,
        }
    if not order.is_cancelled:
        put_containers(connection, row["id"], (_row(one, order) for one in order.containers))
        if is_newer(stamp, (row["said_at"], row["said_in"])):
            values |= {**_details(order), "said_at": order.said_at, "said_in": order.said_in}
            _put_visits(connection, row["id"], order)
    if values:
        connection.execute(sa.update(lab_order).where(_order.id == row["id"]).values(values))
    known = _versions(connection, owner, order)
    if order.is_cancelled:
        here = [one for one in known if one["case_id"] == case_id]
        end(connection, here, (order.said_at, order.said_in))
    end_older(connection, known, in_one_case=order.order == order.placer)
    return case_id, _meant(connection, owner, order, order.accession)


def _cancel(connection: sa.Connection, owner: int, order: OrderPlaced) -> str:
    """Cancel an order by its number alone, also one that is still to come; gives its case."""
    known = _versions(connection, owner, order)
    if not known:
        case_id = case_row(connection, owner, TO_COME)
        _new(connection, case_id, order, None)
        return case_id
    end(connection, known, (order.said_at, order.said_in))
    return str(known[0]["case_id"])


def _versions(connection: sa.Connection, owner: int, order: OrderPlaced) -> Sequence[sa.RowMapping]:
    whose = order.patient.patient_id, order.patient.issuer
    return versions(connection, owner, order.order, *whose)


def _told_before(connection: sa.Connection, owner: int, order: OrderPlaced) -> sa.RowMapping | None:
    """What was said of an order by its number alone, before it came."""
    said = [one for one in _versions(connection, owner, order) if one["said_at"] is None]
    return max(said, key=lambda one: one["status_at"], default=None)


def case_row(connection: sa.Connection, owner: int, accession: Numbered) -> str:
    """The case of an accession number, made at its first use; its establishment is held."""
    known = find_case(connection, owner, accession.issuer, accession.number)
    if known is not None:
        return known
    case_id = new_id()
    connection.execute(
        sa.insert(lab_case).values(
            id=case_id,
            establishment_id=owner,
            issuer=accession.issuer,
            accession_number=accession.number,
        )
    )
    return case_id


def find_case(connection: sa.Connection, owner: int, issuer: str, number: str) -> str | None:
    """The case of an accession number of this issuer, and no other's; None for none."""
    query = sa.select(_case.id).where(
        _case.establishment_id == owner,
        _case.issuer == issuer,
        _case.accession_number == number,
    )
    return connection.scalar(query)


def _held(connection: sa.Connection, case_id: str, order: OrderPlaced) -> sa.RowMapping | None:
    same = sa.select(lab_order).where(
        _order.case_id == case_id,
        _order.number == order.order.number,
        _order.number_issuer == order.order.issuer,
        _order.patient_id == order.patient.patient_id,
        _order.patient_issuer == order.patient.issuer,
    )
    return connection.execute(same.with_for_update()).mappings().one_or_none()


def _new(
    connection: sa.Connection,
    case_id: str,
    order: OrderPlaced,
    told_before: sa.RowMapping | None,
) -> sa.RowMapping:
    values = {
        "id": new_id(),
        "case_id": case_id,
        "number": order.order.number,
        "number_issuer": order.order.issuer,
        "patient_id": order.patient.patient_id,
        "patient_issuer": order.patient.issuer,
        "is_cancelled": told_before["is_cancelled"] if told_before else order.is_cancelled,
        "status_at": told_before["status_at"] if told_before else order.said_at,
        "status_in": told_before["status_in"] if told_before else order.said_in,
        "said_at": None,
        "said_in": None,
        **_details(order),
    }
    new = sa.insert(lab_order).values(values).returning(lab_order)
    return connection.execute(new).mappings().one()


def _details(order: OrderPlaced) -> dict[str, Any]:
    placer, patient = order.placer, order.patient
    return {
        "placer_number": placer.number if placer else None,
        "placer_issuer": placer.issuer if placer else None,
        "patient_name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "priority": order.priority,
        "is_consult": order.is_consult,
        "reader": order.reader or None,
    }


def _put_visits(connection: sa.Connection, order_id: str, order: OrderPlaced) -> None:
    """Keep in which visits an order was asked; one that does not say changes nothing."""
    if not order.visits:
        return
    connection.execute(sa.delete(order_visit).where(order_visit.c.order_id == order_id))
    rows = {
        (one.kind, one.named.number): {
            "order_id": order_id,
            "kind": one.kind,
            "number": one.named.number,
            "issuer": one.named.issuer,
        }
        for one in order.visits
    }
    connection.execute(sa.insert(order_visit), list(rows.values()))


def _row(one: Container, order: OrderPlaced) -> dict[str, Any]:
    return {
        "specimen": one.position.specimen,
        "block": one.position.block,
        "slide": one.position.slide,
        "stain": one.stain,
        "recut": one.recut,
        "barcode": one.barcode,
        "description": one.description,
        "foreign_number": one.foreign.number if one.foreign else None,
        "foreign_issuer": one.foreign.issuer if one.foreign else None,
        "named_at": order.said_at,
        "named_in": order.said_in,
    }


def container_of(row: sa.RowMapping) -> Container:
    """A container as its row says."""
    foreign = None
    if row["foreign_number"] is not None:
        foreign = Numbered(row["foreign_number"], row["foreign_issuer"] or "")
    return Container(
        place_of(row),
        row["stain"],
        row["recut"],
        row["barcode"],
        row["description"],
        foreign,
    )


def _meant(
    connection: sa.Connection, owner: int, order: OrderPlaced, accession: Numbered
) -> tuple[str, ...]:
    marked = _marked(order)
    query = sa.select(scan.c.image_id).where(
        scan.c.establishment_id == owner,
        scan.c.case_id.is_(None),
        sa.or_(
            scan.c.accession_number == accession.number,
            scan.c.image_id.in_(marked),
        ),
    )
    return tuple(connection.scalars(query.order_by(scan.c.image_id)))


def _marked(order: OrderPlaced) -> sa.Select[tuple[str]]:
    """The slides on whose labels an order's containers are named."""
    texts = [one.barcode for one in order.containers if one.barcode]
    texts += [one.foreign.number for one in order.containers if one.foreign]
    return sa.select(scan_text.c.image_id).where(scan_text.c.text.in_(texts))


def linked_elsewhere(
    connection: sa.Connection, case_id: str, order: OrderPlaced
) -> tuple[str, ...]:
    """The slides of other cases that an order's containers may mean as well."""
    owner = sa.select(_case.establishment_id).where(_case.id == case_id).scalar_subquery()
    query = sa.select(scan.c.image_id).where(
        scan.c.establishment_id == owner,
        scan.c.case_id != case_id,
        scan.c.image_id.in_(_marked(order)),
    )
    return tuple(connection.scalars(query.order_by(scan.c.image_id)))
