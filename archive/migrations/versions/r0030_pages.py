"""Indexes by which a page of all patients, or of all reports, is read from where the last ended."""

from alembic import op

revision, down_revision = "0030", "0029"
branch_labels = depends_on = None


def upgrade() -> None:
    for table, columns in (
        ("patient", ["establishment_id", "id"]),
        ("report", ["establishment_id", "received_at", "id"]),
        ("report", ["received_at", "id"]),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
