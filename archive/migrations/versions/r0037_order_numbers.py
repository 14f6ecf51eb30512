"""Orders are found by their own number, as each message of a laboratory asks for them."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_lab_order_number"), "lab_order", ["number"])
