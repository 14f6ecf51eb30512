"""Instances that others send; a label may be published before the slide that it is of."""

import sqlalchemy as sa
from alembic import op

from archive.schema import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NAME = "image_published_with_objects"
REFUSED = """NEW.state = 'published' AND NOT EXISTS (
    SELECT 1 FROM stored_object WHERE image_id = NEW.id
    AND (role IN ('level', 'photo') OR sop_instance_uid IS NOT NULL))"""
MESSAGE = "a published image has at least one instance"


def upgrade() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("establishment_id", "sop_instance_uid"),
    )
    op.create_index("ix_arrival_series_instance_uid", "arrival", ["series_instance_uid"])
    if op.get_context().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {NAME}")
        op.execute(
            f"CREATE TRIGGER {NAME} BEFORE UPDATE ON image WHEN {REFUSED}"
            f" BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {REFUSED} THEN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'check_violation'; END IF;"
        " RETURN NEW; END $$"
    )
