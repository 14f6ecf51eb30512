"""Which moves bring images home that a merge, taken back, left under another patient."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    nobody = sa.false()
    op.add_column(
        "move", sa.Column("is_homeward", sa.Boolean(), nullable=False, server_default=nobody)
    )
