"""The orders of a patient are found by the number, as what is known of the patient changes."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_lab_order_patient_id"), "lab_order", ["patient_id"])
