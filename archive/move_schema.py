"""The tables of moves to another patient, and of what radiology archives are told."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.record import OutboxState, Sent
from archive.telling.rules import Form

move = sa.Table(
    "move",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # Images that move in one act do so in one transaction.
    sa.Column("act", sa.String(32), nullable=False),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Column("from_exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("to_exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("incarnation", sa.Integer, nullable=False),
    # The right patient's, which the photograph is said to show.
    sa.Column("lesion_id", sa.ForeignKey("lesion.id")),
    # What was true of it under the patient before, once that is taken up.
    sa.Column("dropped", sa.JSON, nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("by_whom", sa.String(200), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    # The image is seen by nobody meanwhile, as it is under somebody else.
    sa.Column("is_homeward", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("from_exam_id <> to_exam_id", name="elsewhere"),
    sa.CheckConstraint("incarnation > 0", name="incarnation"),
    sa.Index(None, "act"),
    sa.Index(None, "image_id"),
)
_UNDONE = sa.text("done_at IS NULL")
sa.Index(
    "uq_move_undone",
    move.c.image_id,
    unique=True,
    sqlite_where=_UNDONE,
    postgresql_where=_UNDONE,
)

remote = sa.Table(
    "remote",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    # The kinds of things that it is told of; None for what every archive was told of at first.
    sa.Column("takes", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("establishment_id", "name"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("remote_id", sa.ForeignKey("remote.id"), nullable=False),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    # The exam under which the instance is told of: that of the patient before, for a rejection.
    sa.Column("exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("kind", words(Sent, "kind"), nullable=False),
    # What the archive knows it by: our object's own, unless it gets it as another instance.
    sa.Column("sop_class_uid", sa.String(64), nullable=False),
    sa.Column("sop_instance_uid", sa.String(64), nullable=False),
    sa.Column("series_instance_uid", sa.String(64)),
    sa.Column("object_uid", sa.String(64), nullable=False),
    sa.Column("form", words(Form, "form"), nullable=False),
    sa.Column("incarnation", sa.Integer, nullable=False),
    sa.Column("state", words(OutboxState, "state"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    # How often it was asked anew: who began before that does not end it.
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    # Under which identities it left since it was last found to be right.
    sa.Column("told", sa.JSON, nullable=False),
    sa.Column("worker", sa.String(64)),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    # Into how many rows it is cut, each of which tells a part of it.
    sa.Column("parts", sa.Integer, nullable=False, server_default="0"),
    # Which part of the object it tells; nothing for all of it.
    sa.Column("part", sa.JSON(none_as_null=True)),
    # The keywords of what the archive keeps otherwise than it was sent; never values.
    sa.Column("coerced", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("remote_id", "kind", "sop_instance_uid"),
    sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
    sa.CheckConstraint(
        "(kind = 'rejection') = (series_instance_uid IS NOT NULL)", name="rejected_of_a_series"
    ),
    sa.CheckConstraint("state <> 'task' OR reason IS NOT NULL", name="task"),
    # By all three, or SQLite prefers the promise above, and reads all that an archive was told.
    sa.Index(None, "image_id", "remote_id", "kind"),
    sa.Index(None, "exam_id", "remote_id", "kind"),
    sa.Index(None, "remote_id", "state", "due_at"),
)
# Few are cut, and counted apart from the rest, which is counted by its index alone.
IS_CUT = outbox.c.parts > sa.literal_column("0")
sa.Index(
    "ix_outbox_cut",
    outbox.c.remote_id,
    outbox.c.state,
    sqlite_where=IS_CUT,
    postgresql_where=IS_CUT,
)
# What is held is little of what there is, and asked for whenever nothing is due.
sa.Index(
    "ix_outbox_held",
    outbox.c.worker,
    sqlite_where=outbox.c.lease_until.is_not(None),
    postgresql_where=outbox.c.lease_until.is_not(None),
)
