"""The tables of what follows from a lesion's pictures: comparisons, scales, diameters, biopsies."""

import sqlalchemy as sa

from archive.schema import UtcDateTime, metadata

comparison = sa.Table(
    "comparison",
    metadata,
    sa.Column("first_id", sa.String(32), primary_key=True),
    sa.Column("second_id", sa.String(32), primary_key=True),
    sa.Column("lesion_id", sa.String(32), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("matrix", sa.JSON(none_as_null=True)),
    sa.Column("model", sa.String(16)),
    sa.Column("agreement", sa.Float),
    sa.Column("reason", sa.String(24)),
    # Both show the lesion, which is one patient's. What is stated anew of one is compared anew.
    *(
        sa.ForeignKeyConstraint(
            [one, "lesion_id"],
            ["photograph.image_id", "photograph.lesion_id"],
            ondelete="CASCADE",
        )
        for one in ("first_id", "second_id")
    ),
    sa.CheckConstraint("first_id <> second_id", name="two"),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint("done_at IS NULL OR (matrix IS NULL) <> (reason IS NULL)", name="either"),
    sa.Index(None, "second_id"),
    sa.Index(None, "lesion_id"),
)

ruler_reading = sa.Table(
    "ruler_reading",
    metadata,
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("mm_per_pixel", sa.Float),
    sa.Column("uncertainty_mm", sa.Float),
    sa.Column("angle_deg", sa.Float),
    sa.Column("marks", sa.Integer),
    sa.Column("reason", sa.String(24)),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint(
        "done_at IS NULL OR (mm_per_pixel IS NULL) <> (reason IS NULL)", name="either"
    ),
    sa.CheckConstraint("mm_per_pixel > 0 AND uncertainty_mm >= 0", name="length"),
)

proposed_diameter = sa.Table(
    "proposed_diameter",
    metadata,
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("from_x", sa.Float),
    sa.Column("from_y", sa.Float),
    sa.Column("to_x", sa.Float),
    sa.Column("to_y", sa.Float),
    sa.Column("marking_px", sa.Float),
    sa.Column("reason", sa.String(24)),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint(
        "done_at IS NULL OR (marking_px IS NULL) <> (reason IS NULL)", name="either"
    ),
    *(
        sa.CheckConstraint(f"({one} IS NULL) = (marking_px IS NULL)", name=f"whole_{one}")
        for one in ("from_x", "from_y", "to_x", "to_y")
    ),
    sa.CheckConstraint("marking_px > 0", name="length"),
)

measure = sa.Table(
    "measure",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), nullable=False),
    sa.Column("from_x", sa.Float, nullable=False),
    sa.Column("from_y", sa.Float, nullable=False),
    sa.Column("to_x", sa.Float, nullable=False),
    sa.Column("to_y", sa.Float, nullable=False),
    sa.Column("mm", sa.Float, nullable=False),
    sa.Column("uncertainty_mm", sa.Float, nullable=False),
    sa.Column("scale", sa.String(24), nullable=False),
    sa.Column("measured_at", UtcDateTime, nullable=False),
    # The version of the method whose proposal was kept as it was; of those marked by hand none.
    sa.Column("proposed_by", sa.String(16)),
    sa.CheckConstraint("mm > 0 AND uncertainty_mm >= 0", name="length"),
    sa.Index(None, "image_id"),
)

biopsy = sa.Table(
    "biopsy",
    metadata,
    sa.Column("lesion_id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.String(32), primary_key=True),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    # The lesion and the exam with its slides are of one patient.
    sa.ForeignKeyConstraint(
        ["lesion_id", "patient_row"], ["lesion.id", "lesion.patient_row"], deferrable=True
    ),
    sa.ForeignKeyConstraint(
        ["exam_id", "patient_row"], ["exam.id", "exam.patient_row"], deferrable=True
    ),
    sa.Index(None, "exam_id"),
)
