"""Links by which an image is seen are written down with what left."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

WAYS = ("jpeg", "pdf", "advice", "link")


def upgrade() -> None:
    listed = ", ".join(f"'{way}'" for way in WAYS)
    if op.get_context().dialect.name == "sqlite":
        make_the_tables_anew(listed)
        return
    op.execute("ALTER TABLE departure DROP CONSTRAINT ck_departure_way")
    op.execute(f"ALTER TABLE departure ADD CONSTRAINT ck_departure_way CHECK (way IN ({listed}))")


def make_the_tables_anew(listed: str) -> None:
    """SQLite changes no constraint of a table, and what refers to it follows it when renamed."""
    made = {
        name: str(op.get_bind().scalar(sa.text(_SAID).bindparams(name=name)))
        for name in ("departed_image", "departure")
    }
    for name in made:
        op.execute(f"ALTER TABLE {name} RENAME TO {name}_before")
    op.execute("DROP INDEX ix_departed_image_image_id")
    op.execute("DROP INDEX ix_departure_establishment_id_at")
    before, _, rest = made["departure"].partition("CHECK (way IN (")
    _, _, after = rest.partition("))")
    op.execute(f"{before}CHECK (way IN ({listed})){after}")
    op.execute(made["departed_image"])
    op.execute("INSERT INTO departure SELECT * FROM departure_before")
    op.execute("INSERT INTO departed_image SELECT * FROM departed_image_before")
    for name in ("departed_image", "departure"):
        op.drop_table(f"{name}_before")
    op.create_index("ix_departure_establishment_id_at", "departure", ["establishment_id", "at"])
    op.create_index("ix_departed_image_image_id", "departed_image", ["image_id"])


_SAID = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
