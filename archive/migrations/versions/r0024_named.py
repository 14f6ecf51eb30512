"""Which messages name which national identifier."""

import sqlalchemy as sa
from alembic import op

from archive.messages.named import named_in

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    named = op.create_table(
        "message_named",
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("mark", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_named_message_id")
        ),
        sa.PrimaryKeyConstraint("message_id", "mark", name=op.f("pk_message_named")),
    )
    op.create_index(op.f("ix_message_named_mark"), "message_named", ["mark"])
    if op.get_context().as_sql:
        # Written for an empty database: there is nothing to read.
        return
    connection, last = op.get_bind(), 0
    some = sa.text(
        "SELECT id, payload FROM message WHERE id > :last AND payload IS NOT NULL"
        " ORDER BY id LIMIT 8"
    )
    while rows := connection.execute(some, {"last": last}).all():
        last = rows[-1].id
        marks = [(row.id, one) for row in rows for one in named_in(bytes(row.payload))]
        for message_id, mark in marks:
            connection.execute(sa.insert(named).values(message_id=message_id, mark=mark))
