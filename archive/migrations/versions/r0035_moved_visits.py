"""Visits that went to another patient: the orders that were asked in them go along."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moved_visit",
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "account",
                "visit",
                name="stay",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(64), nullable=False),
        sa.Column("into_whom", sa.Integer(), nullable=False),
        sa.Column("stated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["into_whom"], ["patient.id"], name=op.f("fk_moved_visit_into_whom_patient")
        ),
        sa.ForeignKeyConstraint(["whom"], ["patient.id"], name=op.f("fk_moved_visit_whom_patient")),
        sa.PrimaryKeyConstraint("whom", "kind", "number", "issuer", name=op.f("pk_moved_visit")),
    )
    op.create_index(op.f("ix_moved_visit_number"), "moved_visit", ["number"])
