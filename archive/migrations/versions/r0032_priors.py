"""What was done already, looked for when an order comes."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prior_search",
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("searched_at", UtcDateTime()),
        sa.Column("patient_id", sa.String(64), nullable=False),
        sa.Column("patient_issuer", sa.String(64), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("unanswered", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["lab_case.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index(op.f("ix_prior_search_due_at"), "prior_search", ["due_at"])
