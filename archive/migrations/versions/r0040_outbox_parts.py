"""What is too large for an archive is told in parts, each by a row of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("parts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("part", sa.JSON(), nullable=True))
