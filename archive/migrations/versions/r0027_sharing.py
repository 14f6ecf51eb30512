"""What establishments show one another, who objects to it, and who looked."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("to_whom", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        sa.PrimaryKeyConstraint("establishment_id", "to_whom"),
    )
    op.create_table(
        "objection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.Column("said_to", sa.String(64), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("ended_by", sa.String(64)),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        sa.ForeignKeyConstraint(["whom"], ["patient.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_objection_whom"), "objection", ["whom"])
    op.create_table(
        "look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("looked", sa.String(16), nullable=False),
        sa.Column("exam_id", sa.String(32)),
        sa.CheckConstraint("looked IN ('listed', 'opened')", name="looked"),
        sa.CheckConstraint("(looked = 'opened') = (exam_id IS NOT NULL)", name="exam"),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        sa.ForeignKeyConstraint(["whom"], ["patient.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_look_whom_looked_at"), "look", ["whom", "looked_at"])
