"""Tables of what DICOM's queries ask for: series, and instances, of published images and others.

Where an instance lies, and what DICOM calls it, is the stored object's.
"""

import sqlalchemy as sa

from archive.columns import metadata

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("series_instance_uid", sa.String(64), nullable=False),
    sa.Column("modality", sa.String(16), nullable=False),
    sa.Column("series_number", sa.Integer),
    sa.Column("series_description", sa.String(64)),
    sa.UniqueConstraint("exam_id", "series_instance_uid"),
    # The target of an instance's foreign key, so that both are of one exam.
    sa.UniqueConstraint("id", "exam_id"),
    sa.Index(None, "series_instance_uid"),
    sa.Index(None, "modality"),
)

instance = sa.Table(
    "instance",
    metadata,
    sa.Column(
        "key",
        sa.String(64),
        sa.ForeignKey("stored_object.key", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("exam_id", sa.String(32), nullable=False),
    sa.Column("series_id", sa.Integer, nullable=False),
    sa.Column("image_id", sa.String(32), nullable=False),
    sa.Column("sop_class_uid", sa.String(64), nullable=False),
    sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    sa.Column("transfer_syntax_uid", sa.String(64), nullable=False),
    sa.Column("instance_number", sa.Integer),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("columns", sa.Integer, nullable=False),
    sa.Column("frames", sa.Integer, nullable=False),
    sa.Column("bits_allocated", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["series_id", "exam_id"], ["series.id", "series.exam_id"]),
    sa.ForeignKeyConstraint(["image_id", "exam_id"], ["image.id", "image.exam_id"]),
    sa.Index(None, "series_id"),
    sa.Index(None, "exam_id"),
    sa.Index(None, "image_id"),
    sa.Index(None, "sop_instance_uid"),
)
