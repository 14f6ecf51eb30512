"""What left an establishment, cards of colleagues, and requests for advice."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_departure()
    create_card()
    create_advice()
    create_parts_of_advice()


def create_departure() -> None:
    op.create_table(
        "departure",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("by_subject", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", words("way", "jpeg", "pdf", "advice"), nullable=False),
        sa.Column("purpose", words("purpose", "care", "teaching", "research"), nullable=False),
        sa.Column("is_named", sa.Boolean(), nullable=False),
        sa.CheckConstraint("purpose = 'care' OR NOT is_named", name="named"),
        to_row("departure", "establishment_id", "establishment.id"),
        sa.PrimaryKeyConstraint("id", name="pk_departure"),
    )
    op.create_index("ix_departure_establishment_id_at", "departure", ["establishment_id", "at"])
    op.create_table(
        "departed_image",
        sa.Column("departure_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        to_row("departed_image", "departure_id", "departure.id"),
        to_row("departed_image", "image_id", "image.id"),
        sa.PrimaryKeyConstraint("departure_id", "place", name="pk_departed_image"),
    )
    op.create_index("ix_departed_image_image_id", "departed_image", ["image_id"])


def create_card() -> None:
    op.create_table(
        "card",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        to_row("card", "establishment_id", "establishment.id"),
        sa.PrimaryKeyConstraint("id", name="pk_card"),
        sa.UniqueConstraint("code", name="uq_card_code"),
        sa.UniqueConstraint("establishment_id", "subject", name="uq_card_establishment_id_subject"),
    )
    of_all = sa.text("establishment_id IS NULL")
    op.create_index(
        "uq_card_of_all",
        "card",
        ["subject"],
        unique=True,
        sqlite_where=of_all,
        postgresql_where=of_all,
    )


def create_advice() -> None:
    op.create_table(
        "advice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=True),
        sa.Column("asker_id", sa.String(length=32), nullable=False),
        sa.Column("asked_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closer_id", sa.String(length=32), nullable=True),
        sa.Column("new_to_asker", sa.Boolean(), nullable=False),
        sa.Column("new_to_asked", sa.Boolean(), nullable=False),
        sa.CheckConstraint("asker_id <> asked_id", name="two"),
        sa.CheckConstraint("(closed_at IS NULL) = (closer_id IS NULL)", name="closed"),
        sa.CheckConstraint("closer_id IS NULL OR closer_id IN (asker_id, asked_id)", name="closer"),
        to_row("advice", "establishment_id", "establishment.id"),
        *(to_row("advice", f"{one}_id", "card.id") for one in ("asker", "asked", "closer")),
        sa.ForeignKeyConstraint(
            ["patient_row", "establishment_id"],
            ["patient.id", "patient.establishment_id"],
            name="fk_advice_patient_row_establishment_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_advice"),
    )
    for one in ("asker_id", "asked_id"):
        op.create_index(f"ix_advice_{one}", "advice", [one])


def create_parts_of_advice() -> None:
    op.create_table(
        "advice_image",
        sa.Column("advice_id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        to_row("advice_image", "advice_id", "advice.id"),
        to_row("advice_image", "image_id", "image.id"),
        sa.PrimaryKeyConstraint("advice_id", "image_id", name="pk_advice_image"),
    )
    op.create_index("ix_advice_image_image_id", "advice_image", ["image_id"])
    op.create_table(
        "advice_words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("advice_id", sa.String(length=32), nullable=False),
        sa.Column("card_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        to_row("advice_words", "advice_id", "advice.id"),
        to_row("advice_words", "card_id", "card.id"),
        sa.PrimaryKeyConstraint("id", name="pk_advice_words"),
    )
    op.create_index("ix_advice_words_advice_id", "advice_words", ["advice_id"])


def to_row(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
