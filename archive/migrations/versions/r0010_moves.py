"""Moves to another patient, and what radiology archives are told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATES = ("waiting", "answered", "read-back", "task", "superseded")


def upgrade() -> None:
    create_move()
    op.create_table(
        "remote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_remote_establishment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_remote"),
        sa.UniqueConstraint("establishment_id", "name", name="uq_remote_establishment_id_name"),
    )
    create_outbox()


def create_move() -> None:
    op.create_table(
        "move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("from_exam_id", sa.String(length=32), nullable=False),
        sa.Column("to_exam_id", sa.String(length=32), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("lesion_id", sa.String(length=32), nullable=True),
        sa.Column("dropped", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("by_whom", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_exam_id <> to_exam_id", name="elsewhere"),
        sa.CheckConstraint("incarnation > 0", name="incarnation"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_move_image_id"),
        sa.ForeignKeyConstraint(["from_exam_id"], ["exam.id"], name="fk_move_from_exam_id"),
        sa.ForeignKeyConstraint(["to_exam_id"], ["exam.id"], name="fk_move_to_exam_id"),
        sa.ForeignKeyConstraint(["lesion_id"], ["lesion.id"], name="fk_move_lesion_id"),
        sa.PrimaryKeyConstraint("id", name="pk_move"),
    )
    op.create_index("ix_move_act", "move", ["act"], unique=False)
    op.create_index("ix_move_image_id", "move", ["image_id"], unique=False)
    op.create_index(
        "uq_move_undone",
        "move",
        ["image_id"],
        unique=True,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("kind", words("kind", "object", "rejection"), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("state", words("state", *STATES), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint(
            "(kind = 'rejection') = (series_instance_uid IS NOT NULL)", name="rejected_of_a_series"
        ),
        sa.CheckConstraint("state <> 'task' OR reason IS NOT NULL", name="task"),
        sa.ForeignKeyConstraint(["remote_id"], ["remote.id"], name="fk_outbox_remote_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_outbox_image_id"),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name="fk_outbox_exam_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint(
            "remote_id",
            "kind",
            "sop_instance_uid",
            name="uq_outbox_remote_id_kind_sop_instance_uid",
        ),
    )
    op.create_index("ix_outbox_image_id", "outbox", ["image_id"], unique=False)
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"], unique=False)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
