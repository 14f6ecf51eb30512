"""What radiology archives changed of the headers of instances that they were told of."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("coerced", sa.JSON(), nullable=True))
