"""Laboratories, cases with their orders and containers, and slides that were scanned."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SHORT, LONG, ID = sa.String(length=16), sa.String(length=64), sa.String(length=32)
PLACE = ("specimen", "block", "slide", "stain", "recut")


def upgrade() -> None:
    op.add_column("job", sa.Column("urgency", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_job_state_due_at", "job")
    op.create_index("ix_job_state_urgency_due_at", "job", ["state", "urgency", "due_at"])
    op.create_table(
        "laboratory",
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("issuer", LONG, nullable=False),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("names_slides", sa.Boolean(), nullable=False),
        sa.Column("frozen", sa.JSON(), nullable=False),
        to_row("laboratory", "establishment_id", "establishment.id"),
        sa.PrimaryKeyConstraint("establishment_id", name="pk_laboratory"),
    )
    op.create_table(
        "lab_case",
        sa.Column("id", ID, nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("issuer", LONG, nullable=False),
        sa.Column("accession_number", SHORT, nullable=False),
        to_row("lab_case", "establishment_id", "establishment.id"),
        sa.PrimaryKeyConstraint("id", name="pk_lab_case"),
        sa.UniqueConstraint(
            "establishment_id",
            "issuer",
            "accession_number",
            name="uq_lab_case_establishment_id_issuer_accession_number",
        ),
        sa.UniqueConstraint("id", "establishment_id", name="uq_lab_case_id_establishment_id"),
    )
    create_order()
    create_container()
    create_scan()


def create_order() -> None:
    op.create_table(
        "lab_order",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("number", LONG, nullable=False),
        sa.Column("number_issuer", LONG, nullable=False),
        sa.Column("placer_number", LONG, nullable=True),
        sa.Column("placer_issuer", LONG, nullable=True),
        sa.Column("patient_id", LONG, nullable=False),
        sa.Column("patient_issuer", LONG, nullable=False),
        sa.Column("patient_name", sa.String(length=200), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("priority", words("priority", "routine", "urgent", "frozen"), nullable=False),
        sa.Column("is_consult", sa.Boolean(), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_in", LONG, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said_in", LONG, nullable=True),
        sa.CheckConstraint("(said_at IS NULL) = (said_in IS NULL)", name="said"),
        to_row("lab_order", "case_id", "lab_case.id"),
        sa.PrimaryKeyConstraint("id", name="pk_lab_order"),
        sa.UniqueConstraint(
            "case_id",
            "number_issuer",
            "number",
            "patient_issuer",
            "patient_id",
            name="uq_lab_order_of_patient",
        ),
    )
    op.create_index("ix_lab_order_status_at", "lab_order", ["status_at"])


def create_container() -> None:
    op.create_table(
        "container",
        sa.Column("order_id", ID, nullable=False),
        *(sa.Column(one, SHORT, nullable=False) for one in PLACE),
        sa.Column("barcode", LONG, nullable=False),
        sa.Column("description", LONG, nullable=False),
        sa.Column("foreign_number", LONG, nullable=True),
        sa.Column("foreign_issuer", LONG, nullable=True),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("named_in", LONG, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["lab_order.id"], name="fk_container_order_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "specimen", "block", "slide", name="pk_container"),
    )
    for one in ("barcode", "foreign_number"):
        op.create_index(f"ix_container_{one}", "container", [one])


def create_scan() -> None:
    op.create_table(
        "scan",
        sa.Column("image_id", ID, nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("accession_number", SHORT, nullable=True),
        *(sa.Column(one, SHORT, nullable=False) for one in PLACE),
        sa.Column("case_id", ID, nullable=True),
        *(sa.Column(f"to_{one}", SHORT, nullable=True) for one in PLACE[:3]),
        sa.Column("linked_by", LONG, nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_due", sa.Boolean(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        *(
            sa.CheckConstraint(f"({one} IS NULL) = (case_id IS NULL)", name=f"whole_{one}")
            for one in ("to_specimen", "to_block", "to_slide", "linked_by", "linked_at")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["image.id"], name="fk_scan_image_id", ondelete="CASCADE"
        ),
        to_row("scan", "establishment_id", "establishment.id"),
        sa.ForeignKeyConstraint(
            ["case_id", "establishment_id"],
            ["lab_case.id", "lab_case.establishment_id"],
            name="fk_scan_case_id_establishment_id",
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_scan"),
    )
    op.create_index(
        "ix_scan_establishment_id_accession_number",
        "scan",
        ["establishment_id", "accession_number"],
    )
    for one in ("case_id", "is_due"):
        op.create_index(f"ix_scan_{one}", "scan", [one])
    op.create_table(
        "scan_text",
        sa.Column("image_id", ID, nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["scan.image_id"], name="fk_scan_text_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "text", name="pk_scan_text"),
    )
    op.create_index("ix_scan_text_text", "scan_text", ["text"])


def to_row(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
