"""The tables of patients' identities: what is stated, what was merged, what waits, the history."""

from enum import StrEnum

import sqlalchemy as sa

from archive.cases.order import Stay
from archive.columns import UtcDateTime, metadata, words


class Act(StrEnum):
    """What was done to an identity."""

    CREATED = "created"
    UPDATED = "updated"
    MERGED = "merged"
    TURNED = "turned"
    """A merge was turned round: who had been merged survives."""
    RENUMBERED = "renumbered"
    VISIT_MOVED = "visit-moved"
    INS_TAKEN = "ins-taken"
    INS_REMOVED = "ins-removed"
    SPLIT = "split"
    """The number is somebody else's: the images keep an identity without it."""
    UNDONE = "undone"


class DoubtKind(StrEnum):
    """Why an identity waits for a person."""

    CONFLICT = "conflict"
    """Under a number that is known, somebody else is stated."""
    MERGE = "merge"
    """Two are to be merged, and what is known speaks against it."""
    SAME_INS = "same-ins"
    """Two numbers have one national identifier."""
    VISIT = "visit"
    """A visit goes to another patient, and it is not known which exams are of it."""


class Verdict(StrEnum):
    """What a person decided."""

    SAME = "same"
    DIFFERENT = "different"


identity_state = sa.Table(
    "identity_state",
    metadata,
    sa.Column("whom", sa.ForeignKey("patient.id"), primary_key=True),
    sa.Column("used_name", sa.String(200)),
    sa.Column("first_names", sa.String(200)),
    sa.Column("birthplace", sa.String(8)),
    sa.Column("status", sa.String(8)),
    sa.Column("flags", sa.JSON(none_as_null=True)),
    # None for whom no message has stated anything of yet.
    sa.Column("stated_at", UtcDateTime),
    # When each trait was said last, by name; None where all were at that one time.
    sa.Column("said_at", sa.JSON(none_as_null=True)),
    # When the national identifier was said or withdrawn last.
    sa.Column("ins_at", UtcDateTime),
)

merged = sa.Table(
    "merged",
    metadata,
    sa.Column("whom", sa.ForeignKey("patient.id"), primary_key=True),
    sa.Column("into_whom", sa.ForeignKey("patient.id"), nullable=False),
    sa.CheckConstraint("whom <> into_whom", name="two"),
    sa.Index(None, "into_whom"),
)

home = sa.Table(
    "home",
    metadata,
    # Of what stands under another patient since a merge: whose it is by its own number.
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("row_id", sa.String(32), primary_key=True),
    sa.Column("whom", sa.ForeignKey("patient.id"), nullable=False),
    # A lesion's own, where another patient's lesion had it.
    sa.Column("number", sa.Integer),
    sa.Index(None, "whom"),
)

moved_visit = sa.Table(
    "moved_visit",
    metadata,
    # Of what was asked in this account or visit of a patient: whose it is since then.
    sa.Column("whom", sa.ForeignKey("patient.id"), primary_key=True),
    sa.Column("kind", words(Stay, "stay"), primary_key=True),
    sa.Column("number", sa.String(64), primary_key=True),
    sa.Column("issuer", sa.String(64), primary_key=True),
    sa.Column("into_whom", sa.ForeignKey("patient.id"), nullable=False),
    sa.Column("stated_at", UtcDateTime, nullable=False),
    sa.Index(None, "number"),
)

issuer_name = sa.Table(
    "issuer_name",
    metadata,
    # What is one issuer as the site states it: a name or an OID means one of them, and no other.
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), primary_key=True),
    sa.Column("called", sa.String(64), primary_key=True),
    # By which its numbers are kept, and the OID that leaves with them.
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("oid", sa.String(64)),
)

identity_event = sa.Table(
    "identity_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("whom", sa.ForeignKey("patient.id"), nullable=False),
    sa.Column("other", sa.ForeignKey("patient.id")),
    sa.Column("act", words(Act, "act"), nullable=False),
    # What it changed, as it was and as it became; never a national identifier.
    sa.Column("before", sa.JSON, nullable=False),
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("by_whom", sa.String(200), nullable=False),
    sa.Column("stated_at", UtcDateTime, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("undone_at", UtcDateTime),
    sa.Column("undone_by", sa.String(200)),
    sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
    sa.Index(None, "whom"),
    sa.Index(None, "other"),
)

doubt = sa.Table(
    "doubt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("kind", words(DoubtKind, "kind"), nullable=False),
    sa.Column("whom", sa.ForeignKey("patient.id"), nullable=False),
    # The other one, where that is somebody who is known; else it is what was stated.
    sa.Column("other", sa.ForeignKey("patient.id")),
    sa.Column("stated", sa.JSON, nullable=False),
    sa.Column("by_whom", sa.String(200), nullable=False),
    sa.Column("stated_at", UtcDateTime, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("looked_at", UtcDateTime),
    sa.Column("verdict", words(Verdict, "verdict")),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decided_by", sa.String(200)),
    sa.CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name="decided"),
    sa.CheckConstraint("(verdict IS NULL) = (decided_by IS NULL)", name="decided_by"),
    sa.Index(None, "establishment_id", "verdict"),
    sa.Index(None, "whom"),
)
