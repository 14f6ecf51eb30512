"""The catalogue's tables, as the newest migration leaves them.

Every row belongs to an establishment: by its own column, or by a foreign key to a row that does.
"""

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa

from archive.record import (
    DepositState,
    FileState,
    ImageKind,
    ImageState,
    JobState,
    ObjectRole,
    Reason,
)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Moments, aware and in UTC on both sides; SQLite has no zone to keep."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002 -- SQLAlchemy's signature, here and below
    ) -> datetime | None:
        """Refuse a moment without a zone, which would mean another one on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """Give the zone back where the database has none."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _words(kind: type[StrEnum], name: str) -> sa.Enum:
    return sa.Enum(
        kind,
        native_enum=False,
        length=16,
        create_constraint=True,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

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
    sa.Column("birth_date", sa.Date),
    sa.Column("sex", sa.String(1)),
    sa.UniqueConstraint("establishment_id", "issuer", "patient_id"),
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
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.ForeignKeyConstraint(
        ["patient_row", "establishment_id"], ["patient.id", "patient.establishment_id"]
    ),
    sa.UniqueConstraint("establishment_id", "study_instance_uid"),
    sa.Index(None, "establishment_id", "created_at", "id"),
    sa.Index(None, "created_at", "id"),
)

image = sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("kind", _words(ImageKind, "kind"), nullable=False),
    sa.Column("state", _words(ImageState, "state"), nullable=False),
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
    sa.Index(None, "source_sha256"),
)

stored_object = sa.Table(
    "stored_object",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id"), nullable=False),
    sa.Column("role", _words(ObjectRole, "role"), nullable=False),
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
    sa.Column("state", _words(JobState, "state"), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(64)),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("attempt <= max_attempts", name="attempts"),
    sa.CheckConstraint("(state = 'leased') = (lease_until IS NOT NULL)", name="lease"),
    sa.Index(None, "state", "due_at"),
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
    sa.Column("state", _words(DepositState, "state"), nullable=False),
    sa.Column("patient", sa.JSON(none_as_null=True)),
    sa.Column("accession_number", sa.String(16)),
    sa.Column("issuer_of_accession_number", sa.String(64)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(64)),
    sa.Column("lease_until", UtcDateTime),
    sa.CheckConstraint("lease_until IS NULL OR state = 'closed'", name="lease"),
    sa.Index(None, "establishment_id", "created_at"),
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
    sa.Column("state", _words(FileState, "state"), nullable=False),
    sa.Column("sha256", sa.String(64)),
    sa.Column("received_sha256", sa.String(64)),
    sa.Column("reason", _words(Reason, "reason")),
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

image_transition = sa.Table(
    "image_transition",
    metadata,
    sa.Column("from_state", _words(ImageState, "from_state"), primary_key=True),
    sa.Column("to_state", _words(ImageState, "to_state"), primary_key=True),
)
