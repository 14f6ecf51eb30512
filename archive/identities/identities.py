"""The identities of a catalogue: what messages state, what persons decide, what is taken back."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Visit
from archive.cases.versions import set_apart
from archive.database import Database
from archive.errors import TransitionRefused
from archive.identities import reading, renumbering
from archive.identities.acts import (
    Desk,
    forget_withdrawn,
    ins_of,
    is_ins_outdated,
    merged_holders,
    withdraw_ins,
)
from archive.identities.changes import put_state, take_back
from archive.identities.ins import Ins
from archive.identities.issuer import Issuers
from archive.identities.issuers import is_declared, named_visit, names_of
from archive.identities.pointers import survivor
from archive.identities.records import UNDOABLE, Doubt, Event, Outcome
from archive.identities.schema import Act, Verdict, doubt, identity_event
from archive.identities.stated import Stated
from archive.identities.statements import merged, stated, visit_moved
from archive.identities.strays import send_home
from archive.identities.verdicts import carry_out
from archive.messages.inbox import blank
from archive.move import Author
from archive.reception import establishment_row

Number = tuple[str, str] | tuple[str, str, str | None]
"""A patient's number, who gave it, and that one's OID where it is said."""
_event = identity_event.c


class Identities:
    """What is known of patients beyond their images, reached as `catalog.identities`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def declare(self, stated: Issuers) -> None:
        """Keep which names are one issuer's, by establishment; those that are stated alone.

        Numbers of patients who are here are seen to, some at a time; two who would have one wait
        for a person. What was one issuer's and is not any more stays where it is.
        """
        with self._database.read() as connection:
            is_new = not is_declared(connection, stated)
        if is_new:
            with self._database.write() as connection:
                renumbering.declare(connection, stated)
        after: int | None = 0 if stated else None
        while after is not None:
            with self._database.write() as connection:
                after = renumbering.renumber_some(connection, stated, after)

    def names_of(self, issuer: str, *, establishment: str) -> frozenset[str]:
        """All that an issuer is called in an establishment, by whichever name it is asked for."""
        with self._database.read() as connection:
            owner = sa.select(schema.establishment.c.id)
            here = connection.scalar(owner.where(schema.establishment.c.name == establishment))
            return names_of(connection, here or 0, issuer)

    def state(self, establishment: str, said: Stated) -> Outcome:
        """Take what is stated about one number (A28, A31), as the tables of decisions say.

        Here and below: raises InvalidIdentity where an issuer's name and OID are not one's.
        """
        with self._desk(establishment, said.by, said.at) as desk:
            return stated(desk, desk.named(said))

    def withdraw(
        self, establishment: str, said: Stated, numbers: Sequence[Number], ins: Ins | None
    ) -> None:
        """Take a national identifier from all of these numbers, however late that is said.

        And from those that were merged with them. None is one that cannot be read: then whichever
        these numbers hold is taken away.
        """
        with self._desk(establishment, said.by, said.at) as desk:
            connection = desk.connection
            found = [desk.find(*desk.number(*number)) for number in numbers]
            whom = {one for one in found if one is not None}
            named = None if ins is None else (ins.number, ins.authority)
            if ins is not None:
                whom |= merged_holders(desk, whom, ins)
            for one in sorted(whom):
                if named in {None, ins_of(connection, one)}:
                    withdraw_ins(desk, one)
                if not is_ins_outdated(connection, one, said.at):
                    put_state(connection, one, {"ins_at": said.at})
            if ins is not None:
                blank(desk.connection, desk.establishment_id, ins.number)

    def forget_withdrawn(self, establishment: str, number: Number, ins: Collection[str]) -> None:
        """Let no message be kept that names an INS which this patient has not any more.

        For messages that state no identity: these numbers are what an order or a report names.
        """
        with self._database.write() as connection:
            now = datetime.now(UTC)
            desk = Desk(connection, establishment_row(connection, establishment), "", now)
            whom = desk.find(*desk.number(*number))
            if whom is not None:
                for one in sorted(ins):
                    forget_withdrawn(desk, whom, one)

    def merge(
        self, establishment: str, into: Stated, gone: Number, *, renumbers: bool = False
    ) -> Outcome:
        """Let one patient be another: `gone` is the number that ends.

        `renumbers` where it is but a new number for the same one (A47), which then must be free.
        """
        with self._desk(establishment, into.by, into.at) as desk:
            into, ends = desk.named(into), desk.number(*gone)
            is_new = desk.find(into.patient_id, into.issuer) is None
            first = stated(desk, into)
            return merged(desk, into, ends, first, renumbers=renumbers and is_new)

    def move_visit(
        self, establishment: str, to: Stated, source: Number, visits: Sequence[Visit]
    ) -> Outcome:
        """Let a visit be another patient's (A44), with its exams and orders.

        Exams keep their UIDs; an order of it that comes later goes along as well.
        """
        with self._desk(establishment, to.by, to.at) as desk:
            to, left = desk.named(to), desk.number(*source)
            visits = [named_visit(desk.connection, desk.establishment_id, one) for one in visits]
            first = stated(desk, to)
            there = desk.find(to.patient_id, to.issuer)
            here = desk.find(*left)
            if here is None:
                # What comes of that visit later is the other patient's.
                here = desk.create(*left)
            if there is None or there == here:
                return first
            return visit_moved(desk, there, here, visits, first)

    def doubts(self, *, establishment: str | None, limit: int = 200) -> tuple[Doubt, ...]:
        """What waits for a person, the oldest first."""
        with self._database.read() as connection:
            return reading.doubts(connection, establishment, limit)

    def doubt(self, doubt_id: int, *, establishment: str | None) -> Doubt:
        """One of them, decided or not; raises NotFound."""
        with self._database.read() as connection:
            return reading.doubt_of(connection, doubt_id, establishment)

    def decide(
        self, doubt_id: int, verdict: Verdict | None, by: str, *, establishment: str | None
    ) -> Doubt:
        """Carry out what a person decided; None writes down that somebody looked at it.

        Raises NotFound, and TransitionRefused where it is decided already.
        """
        with self._database.write() as connection:
            now = datetime.now(UTC)
            row = reading.held_doubt(connection, doubt_id, establishment)
            if row["verdict"] is not None:
                raise TransitionRefused("This was decided already.")
            change = sa.update(doubt).where(doubt.c.id == doubt_id)
            if verdict is None:
                connection.execute(change.values(looked_at=now))
            else:
                # First, as what is carried out may have new questions.
                done = {"verdict": verdict, "decided_at": now, "decided_by": by}
                connection.execute(change.values(looked_at=now, **done))
                desk = Desk(connection, row["establishment_id"], by, row["stated_at"])
                carry_out(desk, row, verdict, now)
            return reading.doubt_of(connection, doubt_id, establishment)

    def history(self, key: str, *, establishment: str | None) -> tuple[Event, ...]:
        """What was done to a patient's identity, the newest first; raises NotFound."""
        with self._database.read() as connection:
            return reading.history(connection, key, establishment)

    def undo(self, event_id: int, by: str, *, establishment: str | None) -> Event:
        """Take an act back, exactly: all that it changed is again as it was.

        Raises NotFound, and TransitionRefused where it cannot be taken back, was already, or
        something that it changed was changed again since. Images that came into an exam of the
        other patient by a number that is free again are moved home; none may be in preparation.
        """
        with self._database.write() as connection:
            now = datetime.now(UTC)
            row = reading.held_event(connection, event_id, establishment)
            if row["undone_at"] is not None or row["act"] not in UNDOABLE:
                raise TransitionRefused("This cannot be taken back, or was already.")
            settled = take_back(connection, row["before"], row["after"])
            involved = {survivor(connection, one) for one in (row["whom"], row["other"]) if one}
            set_apart(connection, reading.ended_orders(connection, involved))
            send_home(connection, involved, Author(f"undo {event_id}"))
            desk = Desk(connection, row["establishment_id"], by, now)
            after = {**row["before"], "ended": settled.ended}
            desk.write(Act.UNDONE, row["whom"], row["other"], row["after"], after)
            undone = sa.update(identity_event).where(_event.id == event_id)
            connection.execute(undone.values(undone_at=now, undone_by=by))
            return reading.event_of(connection, event_id)

    def same_person(self, key: str, *, establishment: str) -> tuple[tuple[str, str], ...]:
        """Where else the same person is known: establishments, and keys there.

        By one qualified INS and the same strict traits, never by names alone. Nothing of it is
        kept, and an establishment may be told only what a rule lets it know: that is the caller's.
        """
        with self._database.read() as connection:
            return reading.same_person(connection, key, establishment)

    @contextmanager
    def _desk(self, establishment: str, by: str, at: datetime) -> Iterator[Desk]:
        with self._database.write() as connection:
            # Held to the end, so that nothing arrives under a number while it changes hands.
            yield Desk(connection, establishment_row(connection, establishment), by, at)
