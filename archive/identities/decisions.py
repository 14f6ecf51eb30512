"""What is done with what is stated of identities: four tables, read from the top.

The first row that fits decides; what a row does not name may be anything. The same tables are in
docs/identity.md, which the tests hold against these. Nothing here reads or writes anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archive.identities.stated import Agreement


class Then(StrEnum):
    """What is done."""

    CREATE = "create"
    UPDATE = "update"
    IGNORE = "ignore"
    WAIT = "wait"
    """Nothing is changed, and a person is asked."""
    MERGE = "merge"
    TURN = "turn"
    TAKE = "take"
    TAKE_AND_ASK = "take-and-ask"
    LEAVE = "leave"
    """It is left aside; what is held stays."""
    LEAVE_AND_ASK = "leave-and-ask"
    REMOVE = "remove"
    KEEP = "keep"
    REFUSE = "refuse"
    """It is not kept, and whoever sends it is told so."""


class Proof(StrEnum):
    """What stands behind an identity that is known."""

    BROUGHT = "brought"
    """It came with a file or was typed: no message has stated it yet."""
    STATED = "stated"
    PROVEN = "proven"
    """A message stated it as validated or qualified."""


class Holder(StrEnum):
    """Who else of the establishment has the national identifier that is stated."""

    NOBODY = "nobody"
    SAME = "same"
    """Another number, of the same strict traits."""
    OTHER = "other"


class Between(StrEnum):
    """How two patients stand to each other before they are merged."""

    APART = "apart"
    DONE = "done"
    """They are merged as is asked."""
    REVERSED = "reversed"
    """They are merged, the other way round."""
    ELSEWHERE = "elsewhere"
    """Who is to be merged was merged into a third one."""


@dataclass(frozen=True, slots=True)
class Demographics:
    """A statement about one number (A28, A31; A01, A04 and A05 for their PID)."""

    is_known: bool
    is_outdated: bool
    """Of all that it says something newer was stated already."""
    proof: Proof | None
    """Of what is known; None where nothing is."""
    traits: Agreement
    is_merged_into_another: bool = False
    """Its number was merged into somebody who, as far as can be seen, is not who is stated."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """What is stated of a national identifier."""

    is_outdated: bool
    """Something newer was said of it already."""
    is_withdrawn: bool
    """By `""`, or by a status that is stated and does not qualify it."""
    is_stated: bool
    is_sound: bool
    """Of the right form, key and authority."""
    is_qualified: bool
    is_flagged: bool
    holder: Holder


@dataclass(frozen=True, slots=True)
class Merge:
    """Two patients who are said to be one (A40; A47 for a number that is changed)."""

    between: Between
    is_outdated: bool
    """A newer act about them was done already."""
    has_two_ins: bool
    is_flagged: bool
    """One of them is, otherwise than as a duplicate, which a merge puts right."""
    proof: Proof | None
    """Of the one that is merged; None where it is not known."""
    traits: Agreement


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent (C-STORE, STOW-RS) or brought under a number, and says of whom it is."""

    is_known: bool
    """Whether the number is."""
    is_bare: bool
    """It says the number alone, of whom more is known, and no person said so."""
    has_other_trait: bool
    """It says a birth date, a sex or an issuer's OID that is not the known one."""
    shares_a_name: bool
    """A word of their names is the same, or one of the two says none."""


Row = dict[str, Any]
"""What a situation must be; a tuple names several values."""
Table = Sequence[tuple[Row, Then, str]]

NOT_SAME = (Agreement.CLOSE, Agreement.DIFFERENT)
"""Of what was typed, as a twin differs in one trait alone."""

DEMOGRAPHICS: Table = (
    ({"is_outdated": True}, Then.IGNORE, "something newer is known"),
    ({"is_known": False}, Then.CREATE, "the number is new here"),
    (
        {"proof": Proof.BROUGHT, "traits": NOT_SAME},
        Then.WAIT,
        "images were brought under this number for somebody else, as it seems",
    ),
    (
        {"proof": Proof.PROVEN, "traits": Agreement.DIFFERENT},
        Then.WAIT,
        "a proven identity does not become another one",
    ),
    (
        {"is_merged_into_another": True, "traits": Agreement.DIFFERENT},
        Then.WAIT,
        "the number was merged, and is said to be of a third person",
    ),
    ({}, Then.UPDATE, "who gives the number corrects what it knows"),
)
IDENTIFIER: Table = (
    ({"is_outdated": True}, Then.LEAVE, "something newer is known"),
    ({"is_withdrawn": True}, Then.REMOVE, "it is withdrawn, or not qualified any more"),
    ({"is_stated": False}, Then.LEAVE, "nothing is said of it"),
    ({"is_sound": False}, Then.LEAVE, "its key or its authority is wrong"),
    ({"is_qualified": False}, Then.LEAVE, "it is taken of a qualified identity alone"),
    ({"is_flagged": True}, Then.LEAVE, "the identity is flagged"),
    ({"holder": Holder.OTHER}, Then.LEAVE_AND_ASK, "it is somebody else's here"),
    ({"holder": Holder.SAME}, Then.TAKE_AND_ASK, "another number of the same person has it"),
    ({}, Then.TAKE, "it is qualified"),
)
MERGE: Table = (
    ({"between": Between.DONE}, Then.IGNORE, "they are one already"),
    ({"is_outdated": True}, Then.IGNORE, "something newer was done"),
    ({"between": Between.ELSEWHERE}, Then.WAIT, "it was merged into somebody else before"),
    ({"between": Between.REVERSED}, Then.TURN, "the other one is to survive"),
    ({"has_two_ins": True}, Then.WAIT, "two qualified identifiers are two persons"),
    ({"is_flagged": True}, Then.WAIT, "one of them is flagged"),
    (
        {"proof": Proof.BROUGHT, "traits": NOT_SAME},
        Then.WAIT,
        "images were brought for somebody else, as it seems",
    ),
    (
        {"proof": Proof.PROVEN, "traits": Agreement.DIFFERENT},
        Then.WAIT,
        "a proven identity does not become another one",
    ),
    ({}, Then.MERGE, "who gives the numbers says so"),
)
SENT: Table = (
    ({"is_known": False}, Then.CREATE, "the number is new here"),
    ({"is_bare": True}, Then.REFUSE, "a number alone is held against nothing"),
    ({"has_other_trait": True}, Then.REFUSE, "somebody else is known under the number"),
    ({"shares_a_name": False}, Then.REFUSE, "somebody else is known under the number"),
    ({}, Then.KEEP, "a name may be spelt, or changed, in part"),
)

Asked = Demographics | Identifier | Merge | Sent
TABLES: Mapping[type[Asked], Table] = {
    Demographics: DEMOGRAPHICS,
    Identifier: IDENTIFIER,
    Merge: MERGE,
    Sent: SENT,
}


def decided(asked: Asked) -> tuple[Then, str]:
    """What is done, and why."""
    table = TABLES[type(asked)]
    for row, then, why in table:
        if fits(row, asked):
            return then, why
    raise AssertionError("the last row of a table fits anything")


def fits(row: Row, asked: Asked) -> bool:
    """Whether a row is about this."""
    return all(
        getattr(asked, name) in (wanted if isinstance(wanted, tuple) else (wanted,))
        for name, wanted in row.items()
    )
