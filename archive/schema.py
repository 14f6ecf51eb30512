"""The catalogue's tables, as the newest migration leaves them.

Every row belongs to an establishment: by its own column, or by a foreign key to a row that does.
"""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.commitments.schema import commitment
from archive.cover_schema import site_rule, uncovering
from archive.identities.schema import doubt, home, identity_event, identity_state, merged
from archive.instance_schema import instance, series
from archive.leaving_schema import (
    advice,
    advice_image,
    advice_words,
    card,
    departed_image,
    departure,
)
from archive.lesion_schema import lesion, lesion_event, photograph
from archive.messages.schema import message, message_named
from archive.move_schema import move, outbox, remote
from archive.received.schema import arrival
from archive.record import (
    DepositState,
    FileState,
    ImageKind,
    ImageState,
    JobState,
    ObjectRole,
    Reason,
)
from archive.reports.schema import report
from archive.session_schema import consent, picture, pin, session

__all__ = [
    "UtcDateTime",
    "advice",
    "advice_image",
    "advice_words",
    "arrival",
    "card",
    "commitment",
    "consent",
    "departed_image",
    "departure",
    "deposit",
    "doubt",
    "establishment",
    "exam",
    "home",
    "identity_event",
    "identity_state",
    "image",
    "image_transition",
    "instance",
    "job",
    "lesion",
    "lesion_event",
    "link_key",
    "merged",
    "message",
    "message_named",
    "metadata",
    "move",
    "outbox",
    "patient",
    "phone",
    "photograph",
    "picture",
    "pin",
    "remote",
    "report",
    "series",
    "session",
    "site_rule",
    "stored_object",
    "uncovering",
    "upload",
]

establishment = sa.Table(
    "establishment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
)

patient = sa.Table(
    "patient",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("issuer", sa.String(64), nullable=False),
    sa.Column("patient_id", sa.String(64), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    # What the name is looked for by; nullable as `key` is.
    sa.Column("folded_name", sa.String(400)),
    sa.Column("birth_date", sa.Date),
    sa.Column("sex", sa.String(1)),
    sa.Column("birth_name", sa.String(200)),
    sa.Column("folded_birth_name", sa.String(400)),
    sa.Column("issuer_oid", sa.String(64)),
    # Of a qualified identity alone: whoever reads it may show it.
    sa.Column("ins", sa.String(15)),
    sa.Column("ins_authority", sa.String(64)),
    # What addresses name a patient by; nullable only as SQLite adds no other column to a table.
    sa.Column("key", sa.String(32)),
    sa.UniqueConstraint("establishment_id", "issuer", "patient_id"),
    sa.Index(None, "folded_name"),
    sa.Index(None, "folded_birth_name"),
    sa.Index(None, "ins"),
    sa.Index(None, "patient_id"),
    sa.Index(None, "establishment_id", "id"),
    sa.Index("uq_patient_key", "key", unique=True),
    # The target of exam's foreign key, so that an exam cannot name a neighbour's patient.
    sa.UniqueConstraint("id", "establishment_id"),
)

exam = sa.Table(
    "exam",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("patient_row", sa.Integer),
    sa.Column("accession_number", sa.String(16)),
    sa.Column("issuer_of_accession_number", sa.String(64)),
    sa.Column("study_instance_uid", sa.String(64), nullable=False),
    # The accession number is ours, as no order was known.
    sa.Column("is_provisional", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.ForeignKeyConstraint(
        ["patient_row", "establishment_id"], ["patient.id", "patient.establishment_id"]
    ),
    sa.UniqueConstraint("establishment_id", "study_instance_uid"),
    sa.Index("uq_exam_id_patient_row", "id", "patient_row", unique=True),
    sa.Index(None, "establishment_id", "created_at", "id"),
    sa.Index(None, "created_at", "id"),
    sa.Index(None, "patient_row"),
    sa.Index(None, "accession_number"),
    sa.Index(None, "study_instance_uid"),
)

image = sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("kind", words(ImageKind, "kind"), nullable=False),
    sa.Column("state", words(ImageState, "state"), nullable=False),
    sa.Column("source_sha256", sa.String(64), nullable=False),
    sa.Column("plan", sa.String(200), nullable=False),
    sa.Column("incarnation", sa.Integer, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("published_at", UtcDateTime),
    sa.UniqueConstraint("exam_id", "source_sha256", "plan", "incarnation"),
    sa.CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="reason"),
    sa.CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="published"),
    sa.Index("uq_image_id_exam_id", "id", "exam_id", unique=True),
    sa.Index(None, "created_at"),
    sa.Index(None, "source_sha256"),
)

stored_object = sa.Table(
    "stored_object",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Column("role", words(ObjectRole, "role"), nullable=False),
    sa.Column("level", sa.Integer),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("length_bytes", sa.BigInteger, nullable=False),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("sop_class_uid", sa.String(64)),
    sa.Column("sop_instance_uid", sa.String(64)),
    sa.Column("pixel_sha256", sa.String(64)),
    sa.UniqueConstraint("image_id", "sop_instance_uid"),
    sa.CheckConstraint("(role = 'level') = (level IS NOT NULL)", name="level"),
    sa.CheckConstraint("length_bytes >= 0", name="length"),
    sa.Index(None, "image_id"),
)

job = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("state", words(JobState, "state"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(64)),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("reason", sa.Text),
    # What is more urgent goes first: slides of a frozen section, for which somebody waits.
    sa.Column("urgency", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("attempt <= max_attempts", name="attempts"),
    sa.CheckConstraint("(state = 'leased') = (lease_until IS NOT NULL)", name="lease"),
    sa.Index(None, "state", "urgency", "due_at"),
    sa.Index(None, "image_id"),
)
_UNFINISHED = sa.text("state IN ('waiting', 'leased')")
sa.Index(
    "uq_job_unfinished",
    job.c.kind,
    job.c.image_id,
    unique=True,
    sqlite_where=_UNFINISHED,
    postgresql_where=_UNFINISHED,
)

deposit = sa.Table(
    "deposit",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("state", words(DepositState, "state"), nullable=False),
    sa.Column("patient", sa.JSON(none_as_null=True)),
    sa.Column("accession_number", sa.String(16)),
    sa.Column("issuer_of_accession_number", sa.String(64)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(64)),
    sa.Column("lease_until", UtcDateTime),
    # Of one picture that is sent to a session; None for what somebody brings.
    sa.Column("session_id", sa.ForeignKey("session.id")),
    sa.CheckConstraint("lease_until IS NULL OR state = 'closed'", name="lease"),
    sa.Index(None, "establishment_id", "created_at"),
    sa.Index(None, "session_id"),
)

upload = sa.Table(
    "upload",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("deposit_id", sa.ForeignKey("deposit.id"), nullable=False),
    sa.Column("path", sa.String(512), nullable=False),
    sa.Column("length_bytes", sa.BigInteger, nullable=False),
    sa.Column("offset_bytes", sa.BigInteger, nullable=False),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("state", words(FileState, "state"), nullable=False),
    sa.Column("sha256", sa.String(64)),
    sa.Column("received_sha256", sa.String(64)),
    sa.Column("reason", words(Reason, "reason")),
    sa.Column("detail", sa.Text),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("image_id", sa.ForeignKey("image.id")),
    sa.UniqueConstraint("deposit_id", "path"),
    sa.CheckConstraint("offset_bytes BETWEEN 0 AND length_bytes", name="offset"),
    sa.CheckConstraint("state <> 'taken' OR image_id IS NOT NULL", name="taken"),
    sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refused"),
    sa.Index(None, "state"),
)

link_key = sa.Table(
    "link_key",
    metadata,
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("claims", sa.JSON, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

phone = sa.Table(
    "phone",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("session_id", sa.String(32)),
    sa.Column("name", sa.String(64)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("entered_at", UtcDateTime),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("(entered_at IS NULL) = (name IS NULL)", name="entered"),
    sa.Index(None, "subject"),
)

image_transition = sa.Table(
    "image_transition",
    metadata,
    sa.Column("from_state", words(ImageState, "from_state"), primary_key=True),
    sa.Column("to_state", words(ImageState, "to_state"), primary_key=True),
)
