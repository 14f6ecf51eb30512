"""Slides that were scanned: what their labels say, and how they are linked to a case."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import moves, schema
from archive.cases.decide import Verdict, decide
from archive.cases.facts import (
    BY_BARCODE,
    ScanRow,
    case_of_exam,
    identities,
    patient_named,
    scan_row,
    slide_facts,
    texts_of,
    urgency_of,
)
from archive.cases.label import TEXT_CHARACTERS, Position, Reading, read_label
from archive.cases.laboratories import read_laboratory
from archive.cases.laboratory import Laboratory
from archive.cases.schema import lab_case, scan, scan_text
from archive.errors import DifferentPatient
from archive.jobs import UNFINISHED, has_unfinished, hurry
from archive.move import Author, Destination
from archive.move_plans import MOVABLE
from archive.record import Image, ImageKind

MOST_TEXTS = 16
"""Of the barcodes of one label."""
STILL = timedelta(hours=1)
"""After its last instance came, a slide that a device sent is held to be whole."""

_scan, _case = scan.c, lab_case.c


@dataclass(frozen=True, slots=True)
class Where:
    """A case, and where in it a slide stands."""

    case_id: str
    position: Position


def record(connection: sa.Connection, image: Image) -> None:
    """Keep what the label of a slide says, and link it where that is exact; again changes nothing.

    A label may come after the first of a slide's instances. Of what is no slide nothing is kept.
    """
    if image.kind is not ImageKind.SLIDE:
        return
    texts = texts_on_label(image.facts.get("barcodes", ()))
    if scan_row(connection, image.id) is None:
        _insert(connection, image, texts)
    elif (known := texts_of(connection, image.id)) != texts:
        _put_texts(connection, image.id, texts[len(known) :], len(known))
        _read_again(connection, image.id)
        reconsider(connection, image.id)
    settle(connection, image.id)


def _insert(connection: sa.Connection, image: Image, texts: Sequence[str]) -> None:
    exam = schema.exam.c
    owner_of = sa.select(exam.establishment_id).where(exam.id == image.exam_id)
    owner = int(connection.execute(owner_of).scalar_one())
    said = _said(read(texts, read_laboratory(connection, owner)))
    new = sa.insert(scan).values(
        image_id=image.id, establishment_id=owner, is_due=True, urgency=0, **said
    )
    connection.execute(new)
    _put_texts(connection, image.id, texts, 0)


def _put_texts(connection: sa.Connection, image_id: str, texts: Sequence[str], first: int) -> None:
    rows = [{"image_id": image_id, "text": one, "place": at} for at, one in enumerate(texts, first)]
    if rows:
        connection.execute(sa.insert(scan_text), rows)


def texts_on_label(barcodes: Iterable[str]) -> tuple[str, ...]:
    """The barcodes of a label that may name a slide."""
    # Containers without a barcode of their own have an empty one.
    texts = (one for one in barcodes if 0 < len(one) <= TEXT_CHARACTERS)
    return tuple(dict.fromkeys(texts))[:MOST_TEXTS]


def read(texts: Sequence[str], own: Laboratory) -> Reading | None:
    """What a label says, by its laboratory's pattern; None where there is none, or none fits."""
    return None if own.pattern is None else read_label(texts, own.pattern)


def _said(found: Reading | None) -> dict[str, Any]:
    where = found.position if found else Position()
    return {
        "accession_number": found.accession_number if found else None,
        "specimen": where.specimen,
        "block": where.block,
        "slide": where.slide,
        "stain": found.stain if found else "",
        "recut": found.recut if found else "",
    }


def read_again(connection: sa.Connection, owner: int) -> None:
    """Read the labels of what is linked to nothing by the pattern of today, and decide anew."""
    unlinked = sa.select(_scan.image_id).where(
        _scan.establishment_id == owner, _scan.case_id.is_(None)
    )
    for image_id in connection.scalars(unlinked).all():
        _read_again(connection, image_id)
        settle(connection, image_id)


def _read_again(connection: sa.Connection, image_id: str) -> None:
    own = sa.select(_scan.establishment_id).where(_scan.image_id == image_id)
    laboratory = read_laboratory(connection, int(connection.execute(own).scalar_one()))
    said = _said(read(texts_of(connection, image_id), laboratory))
    connection.execute(sa.update(scan).where(_scan.image_id == image_id).values(said))


def due(connection: sa.Connection, limit: int) -> list[str]:
    """The slides that wait for being linked and can be, as nothing is being done to them."""
    job, image = schema.job.c, schema.image.c
    worked_on = sa.exists().where(job.image_id == _scan.image_id, job.state.in_(UNFINISHED))
    query = (
        sa.select(_scan.image_id)
        .select_from(scan.join(schema.image, image.id == _scan.image_id))
        .where(_scan.is_due, image.state.in_(list(MOVABLE)), ~worked_on)
    )
    return list(connection.scalars(query.order_by(_scan.urgency.desc()).limit(limit)))


def mark_unlinked(connection: sa.Connection) -> None:
    """Have all that is linked to nothing decided anew."""
    unlinked = sa.update(scan).where(_scan.case_id.is_(None))
    connection.execute(unlinked.values(is_due=True))


def settle(connection: sa.Connection, image_id: str) -> Verdict | None:
    """Decide about a slide and link it where the decision says so; None where it is linked.

    Where it has to move to the case's patient and cannot yet, it stays due; one of which instances
    may be still to come stays, and is looked at again: once it has moved they would be refused.
    """
    row = scan_row(connection, image_id, hold=True)
    if row is None or row.case_id is not None:
        return None
    facts = slide_facts(connection, row)
    verdict = decide(facts)
    is_due = False
    if verdict is Verdict.LINKED:
        where = Where(facts.cases[0].id, facts.position)
        if facts.case_of_exam == where.case_id or not _may_grow(row):
            is_due = not link(connection, row, where, Author(BY_BARCODE))
    waits = sa.update(scan).where(_scan.image_id == image_id)
    connection.execute(waits.values(is_due=is_due))
    return verdict


def _may_grow(row: ScanRow) -> bool:
    return row.grew_at is not None and row.grew_at > datetime.now(UTC) - STILL


def reconsider(connection: sa.Connection, image_id: str) -> None:
    """End a link that only a barcode made, where the barcode means more than one thing today.

    The slide stays where it is, and waits for somebody to say which it is.
    """
    row = scan_row(connection, image_id, hold=True)
    if row is None or row.linked_by != BY_BARCODE:
        return
    if decide(slide_facts(connection, row)) is Verdict.AMBIGUOUS:
        link_of = ("case_id", "to_specimen", "to_block", "to_slide", "linked_by", "linked_at")
        ended = sa.update(scan).where(_scan.image_id == image_id)
        connection.execute(ended.values({**dict.fromkeys(link_of), "is_due": False}))


def link(connection: sa.Connection, row: ScanRow, to: Where, author: Author) -> bool:
    """Link a slide, moved under the case's patient and number where it is not there already.

    False where it cannot be moved yet. Raises DifferentPatient for a case of several identities,
    and what asking for a move raises.
    """
    hasten(connection, row.image_id, to.case_id)
    if case_of_exam(connection, row) != to.case_id:
        if row.state not in MOVABLE or has_unfinished(connection, [row.image_id]):
            return False
        _ask_to_move(connection, row, to.case_id, author)
    connection.execute(
        sa.update(scan)
        .where(_scan.image_id == row.image_id)
        .values(
            case_id=to.case_id,
            to_specimen=to.position.specimen,
            to_block=to.position.block,
            to_slide=to.position.slide,
            linked_by=author.subject,
            linked_at=datetime.now(UTC),
        )
    )
    return True


def _ask_to_move(connection: sa.Connection, row: ScanRow, case_id: str, author: Author) -> None:
    patients = identities(connection, case_id)
    if len(patients) != 1:
        raise DifferentPatient(
            "This accession number is of several identities; see to that before slides are linked."
        )
    patient = patient_named(connection, case_id)
    case = connection.execute(sa.select(lab_case).where(_case.id == case_id)).one()
    to = Destination(patient, accession_number=case.accession_number, issuer=case.issuer or None)
    moves.ask(connection, [row.image_id], to, author, establishment=None)


def linked_to(connection: sa.Connection, case_id: str) -> list[str]:
    """The slides that are linked to a case."""
    query = sa.select(_scan.image_id).where(_scan.case_id == case_id)
    return list(connection.scalars(query.order_by(_scan.image_id)))


def hasten(connection: sa.Connection, image_id: str, case_id: str) -> None:
    """Let what is done with a slide go before what is less urgent."""
    urgency = urgency_of(connection, case_id)
    known = sa.update(scan).where(_scan.image_id == image_id)
    connection.execute(known.values(urgency=urgency))
    hurry(connection, image_id, urgency)
