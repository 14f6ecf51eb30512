"""The tables of what leaves: exports, and requests for advice between two colleagues."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.leaving import Way
from archive.session import Purpose

departure = sa.Table(
    "departure",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("by_subject", sa.String(64), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("way", words(Way, "way"), nullable=False),
    sa.Column("purpose", words(Purpose, "purpose"), nullable=False),
    sa.Column("is_named", sa.Boolean, nullable=False),
    sa.CheckConstraint("purpose = 'care' OR NOT is_named", name="named"),
    sa.Index(None, "establishment_id", "at"),
)

departed_image = sa.Table(
    "departed_image",
    metadata,
    sa.Column("departure_id", sa.ForeignKey("departure.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Index(None, "image_id"),
)

card = sa.Table(
    "card",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    # None for those who serve all establishments.
    sa.Column("establishment_id", sa.ForeignKey("establishment.id")),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("title", sa.String(100), nullable=False),
    sa.Column("code", sa.String(12), nullable=False, unique=True),
    sa.UniqueConstraint("establishment_id", "subject"),
    # NULLs differ from each other: those who serve all are told apart by an index of their own.
    sa.Index(
        "uq_card_of_all",
        "subject",
        unique=True,
        sqlite_where=sa.text("establishment_id IS NULL"),
        postgresql_where=sa.text("establishment_id IS NULL"),
    ),
)

advice = sa.Table(
    "advice",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("patient_row", sa.Integer),
    sa.Column("asker_id", sa.ForeignKey("card.id"), nullable=False),
    sa.Column("asked_id", sa.ForeignKey("card.id"), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("closer_id", sa.ForeignKey("card.id")),
    # Whether something is new to the one, and to the other.
    sa.Column("new_to_asker", sa.Boolean, nullable=False),
    sa.Column("new_to_asked", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(
        ["patient_row", "establishment_id"], ["patient.id", "patient.establishment_id"]
    ),
    sa.CheckConstraint("asker_id <> asked_id", name="two"),
    sa.CheckConstraint("(closed_at IS NULL) = (closer_id IS NULL)", name="closed"),
    sa.CheckConstraint("closer_id IS NULL OR closer_id IN (asker_id, asked_id)", name="closer"),
    sa.Index(None, "asker_id"),
    sa.Index(None, "asked_id"),
)

advice_image = sa.Table(
    "advice_image",
    metadata,
    sa.Column("advice_id", sa.ForeignKey("advice.id"), primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id"), primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Index(None, "image_id"),
)

advice_words = sa.Table(
    "advice_words",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("advice_id", sa.ForeignKey("advice.id"), nullable=False),
    sa.Column("card_id", sa.ForeignKey("card.id"), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index(None, "advice_id"),
)
