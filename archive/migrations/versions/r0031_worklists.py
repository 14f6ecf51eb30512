"""Worklists of others that are asked who is expected, and the orders that they name."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("accession_number", sa.String(16)))
    op.create_table(
        "worklist_source",
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime()),
        sa.Column("answers", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        sa.PrimaryKeyConstraint("establishment_id", "name"),
    )
