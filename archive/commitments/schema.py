"""The table of storage commitments that are still to be answered."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata

commitment = sa.Table(
    "commitment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    # The application entity title of who asked, and what they call the request.
    sa.Column("peer", sa.String(16), nullable=False),
    sa.Column("transaction_uid", sa.String(64), nullable=False),
    # Pairs of SOP Class UID and SOP Instance UID.
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.UniqueConstraint("establishment_id", "peer", "transaction_uid"),
    sa.Index(None, "due_at"),
)
