"""Sessions: a patient's visit, its pictures, the pins of overviews, and what was consented to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATES = ("open", "sent", "signed")
PURPOSES = ("care", "teaching", "research")
ANSWERS = ("given", "refused", "unable", "withdrawn")
GIVERS = ("patient", "parents", "guardian")


def upgrade() -> None:
    op.add_column(
        "exam",
        sa.Column("is_provisional", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    create_session()
    create_picture()
    create_pin()
    create_consent()
    # Alembic adds no named foreign key to a table of SQLite; both dialects read this.
    op.execute(
        "ALTER TABLE deposit ADD COLUMN session_id VARCHAR(32)"
        " CONSTRAINT fk_deposit_session_id REFERENCES session (id)"
    )
    op.create_index("ix_deposit_session_id", "deposit", ["session_id"], unique=False)


def create_session() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("state", words("state", *STATES), nullable=False),
        sa.Column("operator_name", sa.String(length=200), nullable=True),
        sa.Column("operator_rpps", sa.String(length=11), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_name", sa.String(length=200), nullable=True),
        sa.Column("signed_rpps", sa.String(length=11), nullable=True),
        sa.CheckConstraint("(state = 'open') = (sent_at IS NULL)", name="sent"),
        sa.CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
        sa.CheckConstraint("(signed_at IS NULL) = (signed_name IS NULL)", name="signed_name"),
        sa.CheckConstraint("operator_rpps IS NULL OR operator_name IS NOT NULL", name="operator"),
        sa.CheckConstraint("signed_rpps IS NULL OR signed_name IS NOT NULL", name="signed_rpps"),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_session_establishment_id"
        ),
        sa.ForeignKeyConstraint(
            ["patient_row", "establishment_id"],
            ["patient.id", "patient.establishment_id"],
            name="fk_session_patient_row_establishment_id",
        ),
        sa.ForeignKeyConstraint(
            ["exam_id", "patient_row"],
            ["exam.id", "exam.patient_row"],
            name="fk_session_exam_id_patient_row",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint("id", "exam_id", name="uq_session_id_exam_id"),
    )
    op.create_index(
        "ix_session_establishment_id_created_at",
        "session",
        ["establishment_id", "created_at"],
        unique=False,
    )
    op.create_index("ix_session_exam_id", "session", ["exam_id"], unique=False)


def create_picture() -> None:
    op.create_table(
        "picture",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=True),
        sa.Column("kept_despite", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id", "exam_id"],
            ["image.id", "image.exam_id"],
            name="fk_picture_image_id_exam_id",
        ),
        sa.ForeignKeyConstraint(
            ["session_id", "exam_id"],
            ["session.id", "session.exam_id"],
            name="fk_picture_session_id_exam_id",
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_picture"),
    )
    op.create_index("ix_picture_session_id", "picture", ["session_id"], unique=False)


def create_pin() -> None:
    op.create_table(
        "pin",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("lesion_id", sa.String(length=32), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.CheckConstraint("x BETWEEN 0 AND 1 AND y BETWEEN 0 AND 1", name="within"),
        sa.ForeignKeyConstraint(
            ["image_id", "patient_row"],
            ["photograph.image_id", "photograph.patient_row"],
            name="fk_pin_image_id_patient_row",
        ),
        sa.ForeignKeyConstraint(
            ["lesion_id", "patient_row"],
            ["lesion.id", "lesion.patient_row"],
            name="fk_pin_lesion_id_patient_row",
        ),
        sa.PrimaryKeyConstraint("image_id", "lesion_id", name="pk_pin"),
    )


def create_consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", words("purpose", *PURPOSES), nullable=False),
        sa.Column("answer", words("answer", *ANSWERS), nullable=False),
        sa.Column("given_by", words("given_by", *GIVERS), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name="fk_consent_exam_id"),
        sa.PrimaryKeyConstraint("id", name="pk_consent"),
    )
    op.create_index("ix_consent_exam_id", "consent", ["exam_id"], unique=False)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
