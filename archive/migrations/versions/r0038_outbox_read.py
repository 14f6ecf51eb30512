"""What each archive is told next, and who holds any of it, is found without reading the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

HELD = sa.text("lease_until IS NOT NULL")


def upgrade() -> None:
    for before, columns in (
        ("ix_outbox_image_id", ["image_id", "remote_id", "kind"]),
        ("ix_outbox_exam_id", ["exam_id", "remote_id", "kind"]),
        ("ix_outbox_state_due_at", ["remote_id", "state", "due_at"]),
    ):
        op.drop_index(before, "outbox")
        op.create_index(f"ix_outbox_{'_'.join(columns)}", "outbox", columns)
    op.create_index(
        "ix_outbox_held", "outbox", ["worker"], sqlite_where=HELD, postgresql_where=HELD
    )
