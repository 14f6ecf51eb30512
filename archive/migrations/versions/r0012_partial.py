"""What was said so far of a picture that is not sorted yet."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("picture", sa.Column("partial", sa.JSON(), nullable=True))
