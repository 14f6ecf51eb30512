"""The cases of a catalogue: orders come, slides are scanned, and the two find one another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from archive.cases import orders, pages, scans
from archive.cases.case import Case, Waiting
from archive.cases.day import Day
from archive.cases.decide import CaseFacts, SlideFacts, Verdict, decide
from archive.cases.facts import identities, meant, patient_named, scan_row
from archive.cases.label import Position
from archive.cases.laboratories import declare, declared, read_laboratory
from archive.cases.laboratory import Laboratory
from archive.cases.order import Numbered, OrderPlaced
from archive.cases.pages import Summary
from archive.cases.rescans import older_scans
from archive.cases.scans import Where
from archive.cases.schema import lab_case
from archive.database import Database
from archive.errors import DifferentPatient, NotFound, TransitionRefused
from archive.identities.issuers import named, named_visit
from archive.move import Author
from archive.priors.due import look_for
from archive.reception import establishment_row, new_id
from archive.record import Assignment, Exam
from archive.reports.filing import settle_number
from archive.session import LOCAL_ISSUER, local_accession_number

AT_ONCE = 20
"""How many slides are settled in one transaction."""


class Cases:
    """The cases of a catalogue, reached as `catalog.cases`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.day = Day(database)

    def declare(self, stated: Mapping[str, Laboratory]) -> None:
        """Keep how laboratories name their cases, by establishment; those that are named alone.

        Labels of slides that are linked to nothing are read again where a pattern is another.
        """
        with self._database.read() as connection:
            if declared(connection) == stated:
                return
        with self._database.write() as connection:
            for owner in declare(connection, stated):
                scans.read_again(connection, owner)

    def laboratory(self, establishment: str) -> Laboratory:
        """How an establishment's laboratory names its cases."""
        with self._database.write() as connection:
            return read_laboratory(connection, establishment_row(connection, establishment))

    def place(self, order: OrderPlaced) -> str:
        """Keep a version of an order, and link the slides that were scanned before it came.

        Gives the case. Versions may come in any order, and more than once. Raises InvalidIdentity.
        """
        (case_id,) = self.place_all([order])
        return case_id

    def place_all(self, placed: Sequence[OrderPlaced]) -> tuple[str, ...]:
        """Keep versions of orders that were said together, all or none; gives their cases.

        As `place`, otherwise.
        """
        checked = [one.checked() for one in placed]
        with self._database.write() as connection:
            return tuple(_placed(connection, one) for one in checked)

    def open_consult(self, order: OrderPlaced) -> str:
        """Keep a case that came for a second opinion, under an accession number of our own.

        Gives the case; the accession number of `order` does not count. Raises InvalidIdentity.
        """
        number = Numbered(local_accession_number(new_id()), LOCAL_ISSUER)
        return self.place(replace(order, accession=number, order=number, is_consult=True))

    def expected(self, establishment: str, barcodes: Iterable[str]) -> Assignment | None:
        """Whose a slide with this label is, where exactly one container is meant; None otherwise.

        The same decision as for one that was scanned already.
        """
        texts = scans.texts_on_label(barcodes)
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            reading = scans.read(texts, read_laboratory(connection, owner))
            number = reading.accession_number if reading else None
            where = reading.position if reading else Position()
            found = meant(connection, owner, texts, number, where)
            facts = SlideFacts(
                is_readable=reading is not None,
                cases=found.cases,
                is_foreign=found.is_foreign,
                is_divided=found.is_divided,
                position=found.position,
            )
            if decide(facts) is not Verdict.LINKED:
                return None
            return _assignment(connection, found.cases[0])

    def settle_some(self) -> bool:
        """Link what could not be linked when it was decided; False where there was nothing."""
        with self._database.read() as connection:
            if not scans.due(connection, 1):
                return False
        with self._database.write() as connection:
            for image_id in scans.due(connection, AT_ONCE):
                scans.settle(connection, image_id)
        return True

    def look_again(self) -> None:
        """Have what waits decided anew, as identities were merged or settled meanwhile."""
        with self._database.write() as connection:
            scans.mark_unlinked(connection)

    def link(
        self,
        image_id: str,
        case_id: str,
        position: Position,
        author: Author,
        *,
        establishment: str | None,
    ) -> None:
        """Link a slide to a place of a case because a person says so.

        Raises NotFound, DifferentPatient for a slide of another patient or a case of several
        identities, and what asking for a move raises.
        """
        with self._database.write() as connection:
            case = pages.read_case(connection, case_id, establishment)
            row = scan_row(connection, image_id, hold=True)
            owner = sa.select(lab_case.c.establishment_id).where(lab_case.c.id == case_id)
            if row is None or row.owner != connection.scalar(owner):
                raise NotFound("There is no such slide.")
            patients = identities(connection, case.id)
            if len(patients) != 1:
                raise DifferentPatient(
                    "This case is of several identities; see to that before slides are linked."
                )
            if row.patient_row is not None and row.patient_row not in patients:
                raise DifferentPatient(
                    "This slide is of another patient; change its patient first.", image_id
                )
            if not scans.link(connection, row, Where(case_id, position), author):
                raise TransitionRefused("The slide is still being prepared; link it once it is.")

    def case(self, case_id: str, *, establishment: str | None) -> Case:
        """A case with its specimens, blocks and slides; raises NotFound."""
        with self._database.read() as connection:
            return pages.read_case(connection, case_id, establishment)

    def list_cases(
        self, *, establishment: str | None, since: datetime, limit: int = 200, offset: int = 0
    ) -> tuple[Summary, ...]:
        """The cases of which something was said since then, frozen sections first."""
        with self._database.read() as connection:
            return pages.read_cases(connection, establishment, since, limit, offset)

    def older_scans(self, exams: Iterable[Exam]) -> frozenset[str]:
        """Which images of these exams are older scans of slides that were scanned again."""
        with self._database.read() as connection:
            return older_scans(connection, [image for exam in exams for image in exam.images])

    def waiting(self, *, establishment: str | None, limit: int = 100) -> tuple[Waiting, ...]:
        """The slides that are linked to no case, and why."""
        with self._database.read() as connection:
            return pages.read_waiting(connection, establishment, limit)


def _placed(connection: sa.Connection, order: OrderPlaced) -> str:
    order = _as_kept(connection, order)
    case_id, waiting = orders.place(connection, order)
    for image_id in waiting:
        scans.settle(connection, image_id)
    for image_id in orders.linked_elsewhere(connection, case_id, order):
        scans.reconsider(connection, image_id)
    for image_id in scans.linked_to(connection, case_id):
        scans.hasten(connection, image_id, case_id)
    settle_number(connection, order)
    look_for(connection, case_id)
    return case_id


def _as_kept(connection: sa.Connection, order: OrderPlaced) -> OrderPlaced:
    """An order whose patient and visits are numbered by issuers as they are kept here."""
    owner = establishment_row(connection, order.establishment)
    visits = tuple(named_visit(connection, owner, one) for one in order.visits)
    return replace(order, patient=named(connection, owner, order.patient), visits=visits)


def _assignment(connection: sa.Connection, found: CaseFacts) -> Assignment:
    case = connection.execute(sa.select(lab_case).where(lab_case.c.id == found.id)).one()
    return Assignment(
        patient_named(connection, found.id), case.accession_number, case.issuer or None
    )
