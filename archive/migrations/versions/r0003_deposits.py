"""Deposits and their uploads: files on their way in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FILE_STATES = (
    "waiting",
    "uploading",
    "checking",
    "unassigned",
    "taken",
    "refused",
    "companion",
)
REASONS = ("digest", "expired", "unreadable", "too-heavy", "fault", "identity", "build")


def upgrade() -> None:
    op.create_table(
        "deposit",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("state", words("state", "open", "closed"), nullable=False),
        sa.Column("patient", sa.JSON(), nullable=True),
        sa.Column("accession_number", sa.String(length=16), nullable=True),
        sa.Column("issuer_of_accession_number", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("lease_until IS NULL OR state = 'closed'", name="lease"),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_deposit_establishment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_deposit"),
    )
    op.create_index(
        "ix_deposit_establishment_id_created_at",
        "deposit",
        ["establishment_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("deposit_id", sa.String(length=32), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", words("state", *FILE_STATES), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("received_sha256", sa.String(length=64), nullable=True),
        sa.Column("reason", words("reason", *REASONS), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=True),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND length_bytes", name="offset"),
        sa.CheckConstraint("state <> 'taken' OR image_id IS NOT NULL", name="taken"),
        sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refused"),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name="fk_upload_deposit_id"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_upload_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
        sa.UniqueConstraint("deposit_id", "path", name="uq_upload_deposit_id_path"),
        sa.UniqueConstraint("key", name="uq_upload_key"),
    )
    op.create_index("ix_upload_state", "upload", ["state"], unique=False)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
