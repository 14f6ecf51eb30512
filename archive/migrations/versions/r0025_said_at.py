"""When each trait of a patient was said last."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    said_at = sa.Column("said_at", sa.JSON(none_as_null=True), nullable=True)
    op.add_column("identity_state", said_at)
    op.add_column("identity_state", sa.Column("ins_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE identity_state SET ins_at = stated_at")
