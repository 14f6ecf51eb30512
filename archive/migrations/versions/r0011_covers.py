"""Covered pictures: who opened which, and what an establishment lets go of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uncovering",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_uncovering_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_uncovering"),
    )
    op.create_index(
        "ix_uncovering_image_id_subject", "uncovering", ["image_id", "subject"], unique=False
    )
    leave = sa.Enum(
        *("never", "consent", "always"),
        name="covered_leave",
        native_enum=False,
        create_constraint=True,
        length=16,
    )
    op.create_table(
        "site_rule",
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("covered_leave", leave, nullable=False),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_site_rule_establishment_id"
        ),
        sa.PrimaryKeyConstraint("establishment_id", name="pk_site_rule"),
    )
