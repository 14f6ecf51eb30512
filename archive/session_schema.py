"""The tables of sessions: the visit, its pictures, pins in overviews, consents."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.session import Answer, Giver, Purpose, SessionState

session = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("exam_id", sa.String(32), nullable=False),
    sa.Column("state", words(SessionState, "state"), nullable=False),
    sa.Column("operator_name", sa.String(200)),
    sa.Column("operator_rpps", sa.String(11)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("signed_at", UtcDateTime),
    sa.Column("signed_name", sa.String(200)),
    sa.Column("signed_rpps", sa.String(11)),
    sa.ForeignKeyConstraint(
        ["patient_row", "establishment_id"], ["patient.id", "patient.establishment_id"]
    ),
    sa.ForeignKeyConstraint(
        ["exam_id", "patient_row"], ["exam.id", "exam.patient_row"], deferrable=True
    ),
    # The target of picture's foreign key, so that none is of another exam.
    sa.UniqueConstraint("id", "exam_id"),
    sa.CheckConstraint("(state = 'open') = (sent_at IS NULL)", name="sent"),
    sa.CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
    sa.CheckConstraint("(signed_at IS NULL) = (signed_name IS NULL)", name="signed_name"),
    sa.CheckConstraint("operator_rpps IS NULL OR operator_name IS NOT NULL", name="operator"),
    sa.CheckConstraint("signed_rpps IS NULL OR signed_name IS NOT NULL", name="signed_rpps"),
    sa.Index(None, "establishment_id", "created_at"),
    sa.Index(None, "exam_id"),
)

picture = sa.Table(
    "picture",
    metadata,
    sa.Column("image_id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.String(32), nullable=False),
    sa.Column("session_id", sa.String(32), nullable=False),
    sa.Column("checks", sa.JSON(none_as_null=True)),
    sa.Column("kept_despite", sa.Boolean, nullable=False),
    sa.Column("partial", sa.JSON(none_as_null=True)),
    sa.ForeignKeyConstraint(["image_id", "exam_id"], ["image.id", "image.exam_id"]),
    sa.ForeignKeyConstraint(["session_id", "exam_id"], ["session.id", "session.exam_id"]),
    sa.Index(None, "session_id"),
)

pin = sa.Table(
    "pin",
    metadata,
    sa.Column("image_id", sa.String(32), primary_key=True),
    sa.Column("lesion_id", sa.String(32), primary_key=True),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("x", sa.Float, nullable=False),
    sa.Column("y", sa.Float, nullable=False),
    sa.ForeignKeyConstraint(
        ["image_id", "patient_row"],
        ["photograph.image_id", "photograph.patient_row"],
        deferrable=True,
    ),
    sa.ForeignKeyConstraint(
        ["lesion_id", "patient_row"], ["lesion.id", "lesion.patient_row"], deferrable=True
    ),
    sa.CheckConstraint("x BETWEEN 0 AND 1 AND y BETWEEN 0 AND 1", name="within"),
)

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("exam_id", sa.ForeignKey("exam.id"), nullable=False),
    sa.Column("purpose", words(Purpose, "purpose"), nullable=False),
    sa.Column("answer", words(Answer, "answer"), nullable=False),
    sa.Column("given_by", words(Giver, "given_by"), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Index(None, "exam_id"),
)
