"""Lesions, their history, what is stated of photographs, and keys of patients for addresses."""

import secrets

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VIEWS = ("overview", "close-up", "dermoscopy", "total-body")
MAP_VIEWS = ("front", "back", "face", "scalp", "hands", "feet")
EVENTS = ("first-seen", "followed", "excised", "healed")
IMMERSIONS = ("ULTRASOUND_GEL", "ALCOHOL", "WATER", "MINERAL_OIL", "PLASTIC_CAP")


def upgrade() -> None:
    op.add_column("patient", sa.Column("key", sa.String(length=32), nullable=True))
    if not context.is_offline_mode():
        patient = sa.table("patient", sa.column("id", sa.Integer), sa.column("key", sa.String))
        connection = op.get_bind()
        for row in connection.scalars(sa.select(patient.c.id)).all():
            named = sa.update(patient).where(patient.c.id == row).values(key=secrets.token_hex(16))
            connection.execute(named)
    op.create_index("uq_patient_key", "patient", ["key"], unique=True)
    op.create_index("uq_exam_id_patient_row", "exam", ["id", "patient_row"], unique=True)
    op.create_index("uq_image_id_exam_id", "image", ["id", "exam_id"], unique=True)
    create_lesion()
    create_lesion_event()
    create_photograph()


def create_lesion() -> None:
    op.create_table(
        "lesion",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tracking_uid", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("side", words("side", "R", "L", "B", "U"), nullable=False),
        sa.Column("map_view", words("map_view", *MAP_VIEWS), nullable=True),
        sa.Column("map_x", sa.Float(), nullable=True),
        sa.Column("map_y", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("side <> 'B'", name="one"),
        sa.CheckConstraint(
            "(map_view IS NULL) = (map_x IS NULL) AND (map_x IS NULL) = (map_y IS NULL)",
            name="map",
        ),
        sa.CheckConstraint("map_x BETWEEN 0 AND 1 AND map_y BETWEEN 0 AND 1", name="on_map"),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_lesion_establishment_id"
        ),
        sa.ForeignKeyConstraint(
            ["patient_row", "establishment_id"],
            ["patient.id", "patient.establishment_id"],
            name="fk_lesion_patient_row_establishment_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_lesion"),
        sa.UniqueConstraint("tracking_uid", name="uq_lesion_tracking_uid"),
        sa.UniqueConstraint("patient_row", "number", name="uq_lesion_patient_row_number"),
        sa.UniqueConstraint("id", "patient_row", name="uq_lesion_id_patient_row"),
    )


def create_lesion_event() -> None:
    op.create_table(
        "lesion_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lesion_id", sa.String(length=32), nullable=False),
        sa.Column("kind", words("kind", *EVENTS), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("by_whom", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lesion_id"], ["lesion.id"], name="fk_lesion_event_lesion_id"),
        sa.PrimaryKeyConstraint("id", name="pk_lesion_event"),
        sa.UniqueConstraint(
            "lesion_id", "kind", "on_date", name="uq_lesion_event_lesion_id_kind_on_date"
        ),
    )
    for word, kind in (("first_seen", "first-seen"), ("excised", "excised")):
        op.create_index(
            f"uq_lesion_event_{word}",
            "lesion_event",
            ["lesion_id"],
            unique=True,
            sqlite_where=sa.text(f"kind = '{kind}'"),
            postgresql_where=sa.text(f"kind = '{kind}'"),
        )


def create_photograph() -> None:
    op.create_table(
        "photograph",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=False),
        sa.Column("view", words("view", *VIEWS), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("side", words("side", "R", "L", "B", "U"), nullable=False),
        sa.Column("phototype", sa.Integer(), nullable=True),
        sa.Column("polarization", words("polarization", "POLARIZED", "NON_POLARIZED")),
        sa.Column("contact", words("contact", "CONTACT", "NON_CONTACT")),
        sa.Column("immersion", words("immersion", *IMMERSIONS)),
        sa.Column("magnification", sa.Float(), nullable=True),
        sa.Column("colour_temperature_k", sa.Float(), nullable=True),
        sa.Column("row_spacing_mm", sa.Float(), nullable=True),
        sa.Column("column_spacing_mm", sa.Float(), nullable=True),
        sa.Column("operator_name", sa.String(length=200), nullable=True),
        sa.Column("operator_rpps", sa.String(length=11), nullable=True),
        sa.Column("lesion_id", sa.String(length=32), nullable=True),
        sa.Column("overview_id", sa.String(length=32), nullable=True),
        sa.Column("earlier_id", sa.String(length=32), nullable=True),
        *constraints_of_photograph(),
    )
    op.create_index("ix_photograph_lesion_id", "photograph", ["lesion_id"], unique=False)
    op.create_index("ix_photograph_patient_row", "photograph", ["patient_row"], unique=False)


def constraints_of_photograph() -> list[sa.Constraint]:
    same_patient = {
        ("image_id", "exam_id"): ("image.id", "image.exam_id"),
        ("exam_id", "patient_row"): ("exam.id", "exam.patient_row"),
        ("lesion_id", "patient_row"): ("lesion.id", "lesion.patient_row"),
        ("overview_id", "patient_row"): ("photograph.image_id", "photograph.patient_row"),
        ("earlier_id", "lesion_id"): ("photograph.image_id", "photograph.lesion_id"),
    }
    return [
        *(
            sa.ForeignKeyConstraint(
                list(columns), list(target), name=f"fk_photograph_{'_'.join(columns)}"
            )
            for columns, target in same_patient.items()
        ),
        sa.CheckConstraint("phototype BETWEEN 1 AND 6", name="phototype"),
        sa.CheckConstraint(
            "view = 'dermoscopy' OR (polarization IS NULL AND contact IS NULL AND immersion IS"
            " NULL AND magnification IS NULL AND colour_temperature_k IS NULL)",
            name="dermoscopy",
        ),
        sa.CheckConstraint("immersion IS NULL OR contact = 'CONTACT'", name="immersed"),
        sa.CheckConstraint(
            "view IN ('close-up', 'dermoscopy') OR (lesion_id IS NULL AND overview_id IS NULL)",
            name="lesion",
        ),
        sa.CheckConstraint(
            "earlier_id IS NULL OR (lesion_id IS NOT NULL AND earlier_id <> image_id)",
            name="earlier",
        ),
        sa.CheckConstraint(
            "(row_spacing_mm IS NULL) = (column_spacing_mm IS NULL)", name="spacing"
        ),
        sa.CheckConstraint("operator_rpps IS NULL OR operator_name IS NOT NULL", name="operator"),
        sa.PrimaryKeyConstraint("image_id", name="pk_photograph"),
        sa.UniqueConstraint("image_id", "patient_row", name="uq_photograph_image_id_patient_row"),
        sa.UniqueConstraint("image_id", "lesion_id", name="uq_photograph_image_id_lesion_id"),
    ]


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)
