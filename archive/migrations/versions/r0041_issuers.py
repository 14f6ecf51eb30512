"""Issuers of patients' numbers, by all their names."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "issuer_name",
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("called", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("oid", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["establishment_id"],
            ["establishment.id"],
            name=op.f("fk_issuer_name_establishment_id_establishment"),
        ),
        sa.PrimaryKeyConstraint("establishment_id", "called", name=op.f("pk_issuer_name")),
    )
