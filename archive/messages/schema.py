"""The table of messages that other systems sent."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("sender", sa.String(200), nullable=False),
    sa.Column("control_id", sa.String(200), nullable=False),
    # Of what it says, without its header: a sender may write a new time when it sends it again.
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    # None once what it says may not be kept any more.
    sa.Column("payload", sa.LargeBinary),
    sa.Column("answer", sa.LargeBinary),
    sa.Column("code", sa.String(2)),
    sa.CheckConstraint("(answer IS NULL) = (code IS NULL)", name="answered"),
    sa.UniqueConstraint("establishment_id", "sender", "control_id", "body_sha256"),
    sa.Index(None, "received_at"),
)

message_named = sa.Table(
    "message_named",
    metadata,
    # The national identifiers that it names, by digests that go when it is blanked.
    sa.Column("message_id", sa.ForeignKey("message.id"), primary_key=True),
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Index(None, "mark"),
)
