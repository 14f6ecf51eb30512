"""The table of all instances that were ever taken from others, whatever became of them since."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata

arrival = sa.Table(
    "arrival",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    sa.Column("series_instance_uid", sa.String(64), nullable=False),
    sa.Column("arrived_at", UtcDateTime, nullable=False),
    # In another establishment the same UID is another arrival: none learns of the other.
    sa.UniqueConstraint("establishment_id", "sop_instance_uid"),
    sa.Index(None, "series_instance_uid"),
)
