"""What is stated of patients: names, merges, numbers, identifiers, visits, and the issuers."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    rule,
)

from archive.identities.decisions import Then
from archive.identities.ins import Ins, key_of
from archive.identities.schema import Act
from archive.identities.stated import Status
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.identities.world import (
    ANY_NUMBER,
    AT,
    CALLED,
    ISSUER,
    LATE,
    NAME,
    NEW,
    NUMBER,
    NUMBERS,
    OLD,
    OLDER,
    World,
    visit_of,
)

BODIES = {HERE: "2550814168025", ELSEWHERE: "2550814168026"}
NOTHING_NEW = {"something newer was done", "the visit is that patient's already"}


class Statements(World):
    """Rules of what is stated, late, twice and in any order."""

    @rule(at=AT)
    def the_site_says_which_issuers_are_one(self, at: str) -> None:
        """Who has the number by an older name has it by the first, where it is nobody's."""
        truth = self.truth[at]
        is_free = (at, NEW) not in self.keys
        self.table[at] = (replace(ISSUER, also=(*ISSUER.also, OLDER)),)
        self.catalog.identities.declare(self.table)
        if (at, OLD) in self.keys and is_free:
            self.know(at, NEW, "CHU", truth.name[OLD])
            self.note(at, NEW, {OLD: NEW, NEW: truth.into.get(OLD)})

    @rule(at=AT, number=ANY_NUMBER, late=LATE, name=st.sampled_from("xyz"), called=CALLED)
    def a_name_is_corrected(self, at: str, number: str, late: int, name: str, called: str) -> None:
        if (at, number) not in self.keys:
            return
        said = self.said(at, number, late, {"name": f"MARTIN^{name}"}, called=called)
        truth, before = self.truth[at], self.truth[at].name[number]
        if self.taken(at, said).then is Then.UPDATE and before != f"MARTIN^{name}":
            truth.name[number] = f"MARTIN^{name}"
            truth.done[self.newest(at, number)] = [("name", {number: before})]

    @rule(
        at=AT,
        into=NUMBER,
        gone=st.sampled_from((*NUMBERS, OLD, NEW)),
        late=LATE,
        twice=st.booleans(),
        called=CALLED,
    )
    def patients_are_merged(
        self, at: str, into: str, gone: str, late: int, twice: bool, called: str = "CHU"
    ) -> None:
        is_old = gone == OLD
        if into == gone or (at, gone) not in self.keys or (is_old and self.is_told(at)):
            return
        truth, said = self.truth[at], self.said(at, into, late, {}, called=called)
        ends = (gone.removeprefix("V"), OLDER if is_old else "CHU")
        then = self.catalog.identities.merge(at, said, ends).then
        if twice:
            again = self.catalog.identities.merge(at, said, ends).then
            assert again in {Then.IGNORE, Then.WAIT}
        if then is Then.MERGE:
            assert truth.root(into) != truth.root(gone)
            self.note(at, into, {gone: into})
        elif then is Then.TURN:
            assert truth.root(into) == truth.root(gone)
            self.note(at, into, {into: None, truth.root(into): into})

    @rule(at=AT, into=st.sampled_from("45"), gone=NUMBER, late=LATE, twice=st.booleans())
    def a_number_is_replaced(self, at: str, into: str, gone: str, late: int, twice: bool) -> None:
        """A47: another number for the same person."""
        truth, said = self.truth[at], self.said(at, into, late, {})
        is_new = (at, into) not in self.keys
        made = self.catalog.identities.merge(at, said, (gone, "CHU"), renumbers=True)
        if is_new:
            truth.name[into] = f"MARTIN^{at[-1]}{into}"
            self.keys[at, into] = made.key
        if twice:
            again = self.catalog.identities.merge(at, said, (gone, "CHU"), renumbers=True).then
            assert again in {Then.IGNORE, Then.WAIT}
        if made.then is Then.MERGE:
            self.note(at, into, {gone: into})
        elif made.then is Then.TURN:
            self.note(at, into, {into: None, truth.root(into): into})

    @rule(at=AT, number=NUMBER, other=NUMBER, late=LATE, is_named=st.booleans())
    def an_identifier_is_withdrawn(
        self, at: str, number: str, other: str, late: int, is_named: bool
    ) -> None:
        """A47 with `""`: of both numbers of the message, however late it comes."""
        body = BODIES[at][:-1] + number
        ins = Ins(f"{body}{key_of(body):02}") if is_named else None
        said = self.said(at, number, late, {})
        self.catalog.identities.withdraw(at, said, [(number, "CHU"), (other, "CHU")], ins)
        self.truth[at].ins -= {number} if is_named else {number, other}

    @rule(at=AT, number=NUMBER, is_qualified=st.booleans(), late=LATE)
    def an_identifier_is_stated(self, at: str, number: str, is_qualified: bool, late: int) -> None:
        body = BODIES[at][:-1] + number
        ins = Ins(f"{body}{key_of(body):02}")
        status = Status.QUALIFIED if is_qualified else Status.PROVISIONAL
        said = self.said(at, number, late, {"status": status}, ins=ins)
        before = self.acts(at, number)
        then = self.taken(at, said).ins[0]
        if then is Then.TAKE:
            self.truth[at].ins.add(number)
        elif then is Then.REMOVE:
            self.truth[at].ins.discard(number)
        for event, act in self.acts(at, number).items() - before.items():
            if act is Act.UPDATED:
                # Only the status is new, of which nothing is shown.
                self.truth[at].done[event] = [("status", {})]

    @rule(at=AT, into=NUMBER, source=NUMBER, name=NAME, late=LATE)
    def a_visit_goes(self, at: str, into: str, source: str, name: str, late: int) -> None:
        truth = self.truth[at]
        if into == source:
            return
        exam = truth.ordered.get(name)
        said = self.said(at, into, late, {})
        clock = self.clock - 12 * late
        done = self.catalog.identities.move_visit(at, said, (source, "CHU"), [visit_of(name)])
        if done.then is not Then.UPDATE:
            assert done.then is Then.WAIT or done.why in NOTHING_NEW
            return
        before: list[tuple[str, dict[str, Any]]] = [
            ("went", {source + name: truth.went.get(source + name)})
        ]
        truth.went[source + name] = clock, into
        whose = truth.leads(into, name, clock)
        goes = truth.root(whose) != truth.root(source)
        if exam is not None and goes and truth.root(truth.home[exam]) == truth.root(source):
            before.append(("home", {exam: truth.home[exam]}))
            truth.home[exam] = whose
        truth.done[self.newest(at, into)] = before
