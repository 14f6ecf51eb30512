"""New reasons for which a file is refused: what belongs to it is missing, or is refused itself."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REASONS = (
    *("digest", "expired", "unreadable", "missing", "part"),
    *("too-heavy", "fault", "identity", "build"),
)


def upgrade() -> None:
    listed = ", ".join(f"'{reason}'" for reason in REASONS)
    if op.get_context().dialect.name == "sqlite":
        make_the_table_anew(listed)
        return
    op.execute("ALTER TABLE upload DROP CONSTRAINT ck_upload_reason")
    op.execute(f"ALTER TABLE upload ADD CONSTRAINT ck_upload_reason CHECK (reason IN ({listed}))")


def make_the_table_anew(listed: str) -> None:
    """SQLite changes no constraint of a table that is there: all else is as it was."""
    (made,) = (
        op.get_bind()
        .execute(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'upload'"))
        .one()
    )
    before, _, rest = made.partition("CHECK (reason IN (")
    _, _, after = rest.partition("))")
    op.execute("ALTER TABLE upload RENAME TO upload_before")
    op.execute("DROP INDEX ix_upload_state")
    op.execute(f"{before}CHECK (reason IN ({listed})){after}")
    op.execute("INSERT INTO upload SELECT * FROM upload_before")
    op.drop_table("upload_before")
    op.create_index("ix_upload_state", "upload", ["state"], unique=False)
