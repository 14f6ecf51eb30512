"""The tables of reading: who took an exam and read it, and what was in it then."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata

reading = sa.Table(
    "reading",
    metadata,
    sa.Column("exam_id", sa.ForeignKey("exam.id"), primary_key=True),
    sa.Column("taken_by", sa.String(64)),
    sa.Column("taken_at", UtcDateTime),
    sa.Column("read_by", sa.String(64)),
    sa.Column("read_at", UtcDateTime),
    # Of what was in the exam, as its reader saw it.
    sa.Column("read_version", sa.String(16)),
    sa.CheckConstraint("(taken_by IS NULL) = (taken_at IS NULL)", name="taken"),
    sa.CheckConstraint(
        "(read_by IS NULL) = (read_at IS NULL) AND (read_at IS NULL) = (read_version IS NULL)",
        name="read",
    ),
    sa.Index(None, "taken_by"),
)

read_thing = sa.Table(
    "read_thing",
    metadata,
    sa.Column("exam_id", sa.ForeignKey("reading.exam_id"), primary_key=True),
    # An image or a report that was there when the exam was read: what is not here is new.
    sa.Column("thing", sa.String(32), primary_key=True),
)
