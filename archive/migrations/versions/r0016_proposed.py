"""Diameters that a program proposes, and measures that were kept as proposed."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ENDS = ("from_x", "from_y", "to_x", "to_y")


def upgrade() -> None:
    op.create_table(
        "proposed_diameter",
        sa.Column("image_id", sa.String(32), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.String(16), nullable=True),
        *(sa.Column(one, sa.Float(), nullable=True) for one in ENDS),
        sa.Column("marking_px", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
        sa.CheckConstraint(
            "done_at IS NULL OR (marking_px IS NULL) <> (reason IS NULL)", name="either"
        ),
        *(
            sa.CheckConstraint(f"({one} IS NULL) = (marking_px IS NULL)", name=f"whole_{one}")
            for one in ENDS
        ),
        sa.CheckConstraint("marking_px > 0", name="length"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("image_id"),
    )
    op.add_column("measure", sa.Column("proposed_by", sa.String(16), nullable=True))
