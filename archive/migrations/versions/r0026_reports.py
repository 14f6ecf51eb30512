"""Reports of laboratories."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

SHORT, LONG, ID = sa.String(length=16), sa.String(length=64), sa.String(length=32)


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("id", ID, nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        *(sa.Column(one, LONG, nullable=False) for one in ("number", "number_issuer", "document")),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("accession_number", SHORT, nullable=False),
        *(
            sa.Column(one, LONG, nullable=False)
            for one in ("accession_issuer", "patient_id", "patient_issuer")
        ),
        sa.Column("patient_name", sa.String(length=200), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("is_addendum", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            words("status", "preliminary", "final", "amended", "withdrawn"),
            nullable=False,
        ),
        sa.Column("title", LONG, nullable=False),
        sa.Column("code", SHORT, nullable=False),
        sa.Column("media_type", LONG, nullable=True),
        sa.Column("key", LONG, nullable=True),
        sa.Column("length_bytes", sa.Integer(), nullable=False),
        sa.Column("digest", LONG, nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_in", LONG, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exam_id", ID, nullable=True),
        sa.Column(
            "waits",
            words("waits", "filed", "unknown", "conflict", "other-patient", "doubtful"),
            nullable=True,
        ),
        sa.Column("image_id", ID, nullable=True),
        sa.Column("filed_by", LONG, nullable=True),
        sa.CheckConstraint("(exam_id IS NULL) = (waits IS NOT NULL)", name="waits_somewhere"),
        sa.CheckConstraint("(key IS NULL) = (digest IS NULL)", name="whole"),
        *(
            sa.ForeignKeyConstraint([one], [f"{one[:-3]}.id"], name=f"fk_report_{one}")
            for one in ("establishment_id", "exam_id", "image_id")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
        sa.UniqueConstraint("key", name="uq_report_key"),
    )
    for columns in (
        ["establishment_id", "number_issuer", "number"],
        ["establishment_id", "accession_number"],
        ["exam_id"],
        ["image_id"],
        ["waits"],
    ):
        op.create_index(f"ix_report_{'_'.join(columns)}", "report", columns)


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
