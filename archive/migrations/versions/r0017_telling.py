"""Archives learn of corrected identities: as what an instance left, and how often it is asked anew.

The outbox is made anew, as its states become more and SQLite changes no constraint of a table.
"""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATES = ("waiting", "answered", "committed", "read-back", "task", "superseded")
FORMS = ("as-it-is", "photograph", "thumbnail", "manifest")
KEPT = (
    *("id", "remote_id", "image_id", "exam_id", "kind", "sop_class_uid", "sop_instance_uid"),
    *("series_instance_uid", "state", "attempt", "worker", "due_at", "lease_until", "reason"),
    *("created_at", "ended_at", "coerced"),
)


def upgrade() -> None:
    op.add_column("remote", sa.Column("takes", sa.JSON(), nullable=True))
    op.execute("CREATE TEMPORARY TABLE outbox_before AS SELECT * FROM outbox")
    op.drop_table("outbox")
    create_outbox()
    columns = ", ".join(KEPT)
    op.execute(
        f"INSERT INTO outbox ({columns}, object_uid, form, incarnation, revision, asked_at, told) "  # noqa: S608 -- our own columns
        f"SELECT {columns}, sop_instance_uid, 'as-it-is', 0, 0, created_at, '[]' "
        "FROM outbox_before"
    )
    op.execute("DROP TABLE outbox_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('outbox', 'id'), "
            "(SELECT coalesce(max(id), 0) + 1 FROM outbox), false)"
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
        sa.Column("object_uid", sa.String(length=64), nullable=False),
        sa.Column("form", words("form", *FORMS), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("state", words("state", *STATES), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("coerced", sa.JSON(), nullable=True),
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
    op.create_index("ix_outbox_exam_id", "outbox", ["exam_id"], unique=False)
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"], unique=False)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
