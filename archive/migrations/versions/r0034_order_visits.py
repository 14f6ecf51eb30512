"""In which account and visit something was ordered: which exams are of a visit follows from it."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_visit",
        sa.Column("order_id", sa.String(32), nullable=False),
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
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["lab_order.id"],
            name=op.f("fk_order_visit_order_id_lab_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("order_id", "kind", "number", name=op.f("pk_order_visit")),
    )
    op.create_index(op.f("ix_order_visit_number"), "order_visit", ["number"])
    # Nothing ever wrote into it.
    op.drop_table("visit")
