"""The tables of covered pictures: who opened which, and what a site lets go of them."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.leaving import CoveredLeave

uncovering = sa.Table(
    "uncovering",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index(None, "image_id", "subject"),
)

site_rule = sa.Table(
    "site_rule",
    metadata,
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), primary_key=True),
    sa.Column("covered_leave", words(CoveredLeave, "covered_leave"), nullable=False),
)
