"""Which document a report's document replaces, or adds to, as its message says."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("report", sa.Column("replaces", sa.String(64), nullable=True))
