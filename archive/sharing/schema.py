"""The tables of what is shown across establishments: rules, objections, and who looked."""

from enum import StrEnum

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words


class Looked(StrEnum):
    """What somebody saw of another establishment's."""

    LISTED = "listed"
    """That there are exams, and which."""
    OPENED = "opened"
    """The images of one."""


share = sa.Table(
    "share",
    metadata,
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), primary_key=True),
    # A name, as who is shown something need not have brought anything yet; or `rule.EVERYBODY`.
    sa.Column("to_whom", sa.String(64), primary_key=True),
)

objection = sa.Table(
    "objection",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("whom", sa.ForeignKey("patient.id"), nullable=False),
    sa.Column("said_at", UtcDateTime, nullable=False),
    sa.Column("said_to", sa.String(64), nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("ended_by", sa.String(64)),
    sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
    sa.Index(None, "whom"),
)

look = sa.Table(
    "look",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("looked_at", UtcDateTime, nullable=False),
    # Who looked, and from where; at whose record, and at which exam of it.
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("whom", sa.ForeignKey("patient.id"), nullable=False),
    sa.Column("looked", words(Looked, "looked"), nullable=False),
    sa.Column("exam_id", sa.String(32)),
    sa.CheckConstraint("(looked = 'opened') = (exam_id IS NOT NULL)", name="exam"),
    sa.Index(None, "whom", "looked_at"),
)
