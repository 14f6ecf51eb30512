"""Messages of other systems."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(200), nullable=False),
        sa.Column("control_id", sa.String(200), nullable=False),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("code", sa.String(2), nullable=True),
        sa.CheckConstraint("(answer IS NULL) = (code IS NULL)", name="answered"),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("establishment_id", "sender", "control_id", "body_sha256"),
    )
    op.create_index(op.f("ix_message_received_at"), "message", ["received_at"])
