"""Who took an exam and read it, and what was in it then; who an order names to read it."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reading",
        sa.Column("exam_id", sa.String(32), nullable=False),
        sa.Column("taken_by", sa.String(64)),
        sa.Column("taken_at", UtcDateTime()),
        sa.Column("read_by", sa.String(64)),
        sa.Column("read_at", UtcDateTime()),
        sa.Column("read_version", sa.String(16)),
        sa.CheckConstraint("(taken_by IS NULL) = (taken_at IS NULL)", name="taken"),
        sa.CheckConstraint(
            "(read_by IS NULL) = (read_at IS NULL) AND (read_at IS NULL) = (read_version IS NULL)",
            name="read",
        ),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"]),
        sa.PrimaryKeyConstraint("exam_id"),
    )
    op.create_index(op.f("ix_reading_taken_by"), "reading", ["taken_by"])
    op.create_table(
        "read_thing",
        sa.Column("exam_id", sa.String(32), nullable=False),
        sa.Column("thing", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["reading.exam_id"]),
        sa.PrimaryKeyConstraint("exam_id", "thing"),
    )
    op.add_column("lab_order", sa.Column("reader", sa.String(64)))
    op.create_index(op.f("ix_image_created_at"), "image", ["created_at"])
