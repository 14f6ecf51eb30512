"""A new role of stored objects: the map of an original's tiles."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLES = ("original", "level", "label", "overview", "preview", "photo", "tile_map")

# Those that name the table, as revision 0001 made them.
TRIGGERS = {
    "image_published_with_objects": """UPDATE ON image
        WHEN NEW.state = 'published' AND NOT EXISTS (
            SELECT 1 FROM stored_object
            WHERE image_id = NEW.id AND role IN ('level', 'photo'))
        BEGIN SELECT RAISE(ABORT, 'a published image has at least one level or photo'); END""",
    "stored_object_last_of_published": """DELETE ON stored_object
        WHEN OLD.role IN ('level', 'photo')
            AND EXISTS (SELECT 1 FROM image WHERE id = OLD.image_id AND state = 'published')
            AND NOT EXISTS (
                SELECT 1 FROM stored_object WHERE image_id = OLD.image_id
                AND role IN ('level', 'photo') AND id <> OLD.id)
        BEGIN SELECT RAISE(ABORT, 'a published image has at least one level or photo'); END""",
    "stored_object_never_changes": """UPDATE ON stored_object
        WHEN 1 = 1
        BEGIN SELECT RAISE(ABORT, 'a stored object never changes'); END""",
}


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        make_the_table_anew()
        return
    listed = ", ".join(f"'{role}'" for role in ROLES)
    op.execute("ALTER TABLE stored_object DROP CONSTRAINT ck_stored_object_role")
    op.execute(
        f"ALTER TABLE stored_object ADD CONSTRAINT ck_stored_object_role CHECK (role IN ({listed}))"
    )


def make_the_table_anew() -> None:
    """SQLite changes no constraint of a table that is there."""
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
    op.create_table(
        "stored_object_anew",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column(
            "role",
            sa.Enum(*ROLES, name="role", native_enum=False, create_constraint=False, length=16),
            nullable=False,
        ),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("pixel_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            sa.column("role").in_([sa.literal_column(f"'{role}'") for role in ROLES]),
            name=op.f("ck_stored_object_role"),
        ),
        sa.CheckConstraint(
            "(role = 'level') = (level IS NOT NULL)", name=op.f("ck_stored_object_level")
        ),
        sa.CheckConstraint("length_bytes >= 0", name=op.f("ck_stored_object_length")),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_stored_object_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stored_object"),
        sa.UniqueConstraint(
            "image_id", "sop_instance_uid", name="uq_stored_object_image_id_sop_instance_uid"
        ),
        sa.UniqueConstraint("key", name="uq_stored_object_key"),
    )
    op.execute("INSERT INTO stored_object_anew SELECT * FROM stored_object")
    op.drop_table("stored_object")
    op.rename_table("stored_object_anew", "stored_object")
    op.create_index("ix_stored_object_image_id", "stored_object", ["image_id"], unique=False)
    for name, rest in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} BEFORE {rest}")
