"""Comparisons of a lesion's photographs, scales read off rulers, measures, and biopsies."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_comparison()
    create_ruler_reading()
    create_measure()
    create_biopsy()


def create_comparison() -> None:
    op.create_table(
        "comparison",
        sa.Column("first_id", sa.String(length=32), nullable=False),
        sa.Column("second_id", sa.String(length=32), nullable=False),
        sa.Column("lesion_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.String(length=16), nullable=True),
        sa.Column("matrix", sa.JSON(), nullable=True),
        sa.Column("model", sa.String(length=16), nullable=True),
        sa.Column("agreement", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.CheckConstraint("first_id <> second_id", name="two"),
        sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
        sa.CheckConstraint(
            "done_at IS NULL OR (matrix IS NULL) <> (reason IS NULL)", name="either"
        ),
        *(
            sa.ForeignKeyConstraint(
                [one, "lesion_id"],
                ["photograph.image_id", "photograph.lesion_id"],
                name=f"fk_comparison_{one}_lesion_id",
                ondelete="CASCADE",
            )
            for one in ("first_id", "second_id")
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", name="pk_comparison"),
    )
    op.create_index("ix_comparison_second_id", "comparison", ["second_id"], unique=False)
    op.create_index("ix_comparison_lesion_id", "comparison", ["lesion_id"], unique=False)


def create_ruler_reading() -> None:
    op.create_table(
        "ruler_reading",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.String(length=16), nullable=True),
        sa.Column("mm_per_pixel", sa.Float(), nullable=True),
        sa.Column("uncertainty_mm", sa.Float(), nullable=True),
        sa.Column("angle_deg", sa.Float(), nullable=True),
        sa.Column("marks", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
        sa.CheckConstraint(
            "done_at IS NULL OR (mm_per_pixel IS NULL) <> (reason IS NULL)", name="either"
        ),
        sa.CheckConstraint("mm_per_pixel > 0 AND uncertainty_mm >= 0", name="length"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_ruler_reading_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_ruler_reading"),
    )


def create_measure() -> None:
    op.create_table(
        "measure",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("from_x", sa.Float(), nullable=False),
        sa.Column("from_y", sa.Float(), nullable=False),
        sa.Column("to_x", sa.Float(), nullable=False),
        sa.Column("to_y", sa.Float(), nullable=False),
        sa.Column("mm", sa.Float(), nullable=False),
        sa.Column("uncertainty_mm", sa.Float(), nullable=False),
        sa.Column("scale", sa.String(length=24), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mm > 0 AND uncertainty_mm >= 0", name="length"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_measure_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_measure"),
    )
    op.create_index("ix_measure_image_id", "measure", ["image_id"], unique=False)


def create_biopsy() -> None:
    op.create_table(
        "biopsy",
        sa.Column("lesion_id", sa.String(length=32), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lesion_id", "patient_row"],
            ["lesion.id", "lesion.patient_row"],
            name="fk_biopsy_lesion_id_patient_row",
        ),
        sa.ForeignKeyConstraint(
            ["exam_id", "patient_row"],
            ["exam.id", "exam.patient_row"],
            name="fk_biopsy_exam_id_patient_row",
        ),
        sa.PrimaryKeyConstraint("lesion_id", "exam_id", name="pk_biopsy"),
    )
    op.create_index("ix_biopsy_exam_id", "biopsy", ["exam_id"], unique=False)
