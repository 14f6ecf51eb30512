"""Reports are instances as well: a kind of image, and a role of objects, of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

WORDS = {
    ("image", "kind"): ("slide", "photo", "report"),
    ("stored_object", "role"): (
        *("original", "level", "label", "overview", "preview", "photo", "tile_map"),
        "document",
    ),
}


def upgrade() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    for (table, column), words in WORDS.items():
        listed = ", ".join(f"'{word}'" for word in words)
        name = f"ck_{table}_{column}"
        if is_sqlite:
            say_anew(table, column, listed)
            continue
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN ({listed}))")
    if is_sqlite:
        # Others who have the file open go by the words that they read: they have to read anew.
        version = int(op.get_bind().scalar(sa.text("PRAGMA schema_version")) or 0)
        op.execute(f"PRAGMA schema_version = {version + 1}")
        op.execute("PRAGMA writable_schema = RESET")


def say_anew(table: str, column: str, listed: str) -> None:
    """Change what a constraint allows, in the words that SQLite keeps of the table.

    A table to which others refer cannot be made anew while they do. That a constraint allows more
    changes nothing of what is stored: https://www.sqlite.org/lang_altertable.html, section 7.
    """
    said = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
    made = str(op.get_bind().scalar(sa.text(said).bindparams(name=table)))
    before, found, rest = made.partition(f"CHECK ({column} IN (")
    _, end, after = rest.partition("))")
    if not found or not end:
        raise RuntimeError(f"the table {table} is not as this software makes it")
    anew = f"{before}CHECK ({column} IN ({listed})){after}"
    op.execute("PRAGMA writable_schema = ON")
    change = "UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"
    op.get_bind().execute(sa.text(change).bindparams(sql=anew, name=table))
