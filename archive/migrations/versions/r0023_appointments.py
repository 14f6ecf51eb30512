"""Who is expected when."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appointment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        *(
            sa.Column(one, sa.String(length=64), nullable=False)
            for one in ("number", "number_issuer", "patient_id", "patient_issuer")
        ),
        sa.Column("patient_name", sa.String(length=200), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_in", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_appointment_establishment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_appointment"),
        sa.UniqueConstraint(
            "establishment_id",
            "number_issuer",
            "number",
            name="uq_appointment_establishment_id_number_issuer_number",
        ),
    )
    op.create_index(
        "ix_appointment_establishment_id_starts_at",
        "appointment",
        ["establishment_id", "starts_at"],
    )
