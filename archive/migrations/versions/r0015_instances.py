"""Instances and series as DICOM's queries ask for them, and patients found without accents."""

import sqlalchemy as sa
from alembic import op

from archive.identity import folded_name

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patient", sa.Column("folded_name", sa.String(400), nullable=True))
    if not op.get_context().as_sql:
        _fold_names()
    op.create_index("ix_patient_folded_name", "patient", ["folded_name"])
    op.create_index("ix_patient_patient_id", "patient", ["patient_id"])
    op.create_index("ix_exam_patient_row", "exam", ["patient_row"])
    op.create_index("ix_exam_accession_number", "exam", ["accession_number"])
    op.create_index("ix_exam_study_instance_uid", "exam", ["study_instance_uid"])
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=True),
        sa.Column("series_description", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name="fk_series_exam_id"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint(
            "exam_id", "series_instance_uid", name="uq_series_exam_id_series_instance_uid"
        ),
        sa.UniqueConstraint("id", "exam_id", name="uq_series_id_exam_id"),
    )
    op.create_index("ix_series_series_instance_uid", "series", ["series_instance_uid"])
    op.create_index("ix_series_modality", "series", ["modality"])
    op.create_table(
        "instance",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_number", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("bits_allocated", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key"], ["stored_object.key"], name="fk_instance_key", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["series_id", "exam_id"],
            ["series.id", "series.exam_id"],
            name="fk_instance_series_id_exam_id",
        ),
        sa.ForeignKeyConstraint(
            ["image_id", "exam_id"],
            ["image.id", "image.exam_id"],
            name="fk_instance_image_id_exam_id",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_instance"),
    )
    for column in ("series_id", "exam_id", "image_id", "sop_instance_uid"):
        op.create_index(f"ix_instance_{column}", "instance", [column])


def _fold_names() -> None:
    patient = sa.table("patient", sa.column("id"), sa.column("name"), sa.column("folded_name"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(patient.c.id, patient.c.name)).all():
        change = sa.update(patient).where(patient.c.id == row.id)
        connection.execute(change.values(folded_name=folded_name(row.name)))
