"""What an archive was told is counted without reading it, though levels in parts count as those."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

CUT = sa.text("parts > 0")


def upgrade() -> None:
    op.create_index(
        "ix_outbox_cut",
        "outbox",
        ["remote_id", "state"],
        sqlite_where=CUT,
        postgresql_where=CUT,
    )
