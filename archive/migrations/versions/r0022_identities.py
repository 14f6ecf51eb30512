"""Identities: what is stated of patients, merges, doubts, and the history."""

import sqlalchemy as sa
from alembic import op

from archive.identities.schema import Act, DoubtKind, Verdict
from archive.schema import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WAITING = (
    ("photograph", "exam_id"),
    ("photograph", "lesion_id"),
    ("photograph", "overview_id"),
    ("session", "exam_id"),
    ("pin", "image_id"),
    ("pin", "lesion_id"),
    ("biopsy", "lesion_id"),
    ("biopsy", "exam_id"),
)


def upgrade() -> None:
    for name, length in (
        ("birth_name", 200),
        ("folded_birth_name", 400),
        ("issuer_oid", 64),
        ("ins", 15),
        ("ins_authority", 64),
    ):
        op.add_column("patient", sa.Column(name, sa.String(length), nullable=True))
    op.create_index("ix_patient_folded_birth_name", "patient", ["folded_birth_name"])
    op.create_index("ix_patient_ins", "patient", ["ins"])
    if op.get_context().dialect.name == "postgresql":
        # SQLite lets any foreign key wait until the transaction's end.
        for table, column in WAITING:
            constraint = f"fk_{table}_{column}_patient_row"
            op.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {constraint} DEFERRABLE")
    _create_states()
    _create_questions()


def _whom(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], ["patient.id"])


def _create_states() -> None:
    op.create_table(
        "identity_state",
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("used_name", sa.String(200), nullable=True),
        sa.Column("first_names", sa.String(200), nullable=True),
        sa.Column("birthplace", sa.String(8), nullable=True),
        sa.Column("status", sa.String(8), nullable=True),
        sa.Column("flags", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("stated_at", UtcDateTime(), nullable=True),
        _whom("whom"),
        sa.PrimaryKeyConstraint("whom"),
    )
    op.create_table(
        "merged",
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("into_whom", sa.Integer(), nullable=False),
        sa.CheckConstraint("whom <> into_whom", name="two"),
        _whom("whom"),
        _whom("into_whom"),
        sa.PrimaryKeyConstraint("whom"),
    )
    op.create_index("ix_merged_into_whom", "merged", ["into_whom"])
    op.create_table(
        "home",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("row_id", sa.String(32), nullable=False),
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        _whom("whom"),
        sa.PrimaryKeyConstraint("kind", "row_id"),
    )
    op.create_index("ix_home_whom", "home", ["whom"])
    op.create_table(
        "visit",
        sa.Column("exam_id", sa.String(32), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"]),
        sa.PrimaryKeyConstraint("exam_id", "number"),
    )
    op.create_index("ix_visit_number", "visit", ["number"])


def _create_questions() -> None:
    op.create_table(
        "identity_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=True),
        sa.Column("act", _words(Act, "act"), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("stated_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.String(200), nullable=True),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        _whom("whom"),
        _whom("other"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_identity_event_whom", "identity_event", ["whom"])
    op.create_index("ix_identity_event_other", "identity_event", ["other"])
    op.create_table(
        "doubt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("kind", _words(DoubtKind, "kind"), nullable=False),
        sa.Column("whom", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=True),
        sa.Column("stated", sa.JSON(), nullable=False),
        sa.Column("by_whom", sa.String(200), nullable=False),
        sa.Column("stated_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("verdict", _words(Verdict, "verdict"), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("(verdict IS NULL) = (decided_by IS NULL)", name="decided_by"),
        sa.ForeignKeyConstraint(["establishment_id"], ["establishment.id"]),
        _whom("whom"),
        _whom("other"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_doubt_establishment_id_verdict", "doubt", ["establishment_id", "verdict"])
    op.create_index("ix_doubt_whom", "doubt", ["whom"])


def _words(kind: type[Act | DoubtKind | Verdict], name: str) -> sa.Enum:
    return sa.Enum(
        *(one.value for one in kind),
        native_enum=False,
        length=16,
        create_constraint=True,
        name=name,
    )
