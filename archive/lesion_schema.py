"""The tables of lesions, of what photographs show, and of what follows from their pictures."""

import sqlalchemy as sa

from archive.body_site import Side
from archive.capture import Contact, Immersion, Polarization, View
from archive.columns import UtcDateTime, metadata, words
from archive.lesion import LesionEventKind, MapView

lesion = sa.Table(
    "lesion",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("tracking_uid", sa.String(64), nullable=False, unique=True),
    sa.Column("label", sa.String(64), nullable=False),
    sa.Column("site", sa.String(16), nullable=False),
    sa.Column("side", words(Side, "side"), nullable=False),
    sa.Column("map_view", words(MapView, "map_view")),
    sa.Column("map_x", sa.Float),
    sa.Column("map_y", sa.Float),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.ForeignKeyConstraint(
        ["patient_row", "establishment_id"], ["patient.id", "patient.establishment_id"]
    ),
    sa.UniqueConstraint("patient_row", "number"),
    # The target of photograph's foreign key, so that none shows another patient's lesion.
    sa.UniqueConstraint("id", "patient_row"),
    sa.CheckConstraint("side <> 'B'", name="one"),
    sa.CheckConstraint(
        "(map_view IS NULL) = (map_x IS NULL) AND (map_x IS NULL) = (map_y IS NULL)", name="map"
    ),
    sa.CheckConstraint("map_x BETWEEN 0 AND 1 AND map_y BETWEEN 0 AND 1", name="on_map"),
)

lesion_event = sa.Table(
    "lesion_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lesion_id", sa.ForeignKey("lesion.id"), nullable=False),
    sa.Column("kind", words(LesionEventKind, "kind"), nullable=False),
    sa.Column("on_date", sa.Date, nullable=False),
    sa.Column("by_whom", sa.String(200), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("lesion_id", "kind", "on_date"),
)
for _once in (LesionEventKind.FIRST_SEEN, LesionEventKind.EXCISED):
    sa.Index(
        f"uq_lesion_event_{_once.name.lower()}",
        lesion_event.c.lesion_id,
        unique=True,
        sqlite_where=sa.text(f"kind = '{_once}'"),
        postgresql_where=sa.text(f"kind = '{_once}'"),
    )

photograph = sa.Table(
    "photograph",
    metadata,
    sa.Column("image_id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.String(32), nullable=False),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("view", words(View, "view"), nullable=False),
    sa.Column("site", sa.String(16), nullable=False),
    sa.Column("side", words(Side, "side"), nullable=False),
    sa.Column("phototype", sa.Integer),
    sa.Column("polarization", words(Polarization, "polarization")),
    sa.Column("contact", words(Contact, "contact")),
    sa.Column("immersion", words(Immersion, "immersion")),
    sa.Column("magnification", sa.Float),
    sa.Column("colour_temperature_k", sa.Float),
    sa.Column("row_spacing_mm", sa.Float),
    sa.Column("column_spacing_mm", sa.Float),
    sa.Column("operator_name", sa.String(200)),
    sa.Column("operator_rpps", sa.String(11)),
    sa.Column("lesion_id", sa.String(32)),
    sa.Column("overview_id", sa.String(32)),
    sa.Column("earlier_id", sa.String(32)),
    # A photograph, its exam, its lesion, and those it refers to, are of one patient.
    sa.ForeignKeyConstraint(["image_id", "exam_id"], ["image.id", "image.exam_id"]),
    sa.ForeignKeyConstraint(
        ["exam_id", "patient_row"], ["exam.id", "exam.patient_row"], deferrable=True
    ),
    sa.ForeignKeyConstraint(
        ["lesion_id", "patient_row"], ["lesion.id", "lesion.patient_row"], deferrable=True
    ),
    sa.ForeignKeyConstraint(
        ["overview_id", "patient_row"],
        ["photograph.image_id", "photograph.patient_row"],
        deferrable=True,
    ),
    sa.ForeignKeyConstraint(
        ["earlier_id", "lesion_id"], ["photograph.image_id", "photograph.lesion_id"]
    ),
    sa.UniqueConstraint("image_id", "patient_row"),
    sa.UniqueConstraint("image_id", "lesion_id"),
    sa.CheckConstraint("phototype BETWEEN 1 AND 6", name="phototype"),
    sa.CheckConstraint(
        "view = 'dermoscopy' OR (polarization IS NULL AND contact IS NULL AND immersion IS NULL"
        " AND magnification IS NULL AND colour_temperature_k IS NULL)",
        name="dermoscopy",
    ),
    sa.CheckConstraint("immersion IS NULL OR contact = 'CONTACT'", name="immersed"),
    sa.CheckConstraint(
        "view IN ('close-up', 'dermoscopy') OR (lesion_id IS NULL AND overview_id IS NULL)",
        name="lesion",
    ),
    sa.CheckConstraint(
        "earlier_id IS NULL OR (lesion_id IS NOT NULL AND earlier_id <> image_id)", name="earlier"
    ),
    sa.CheckConstraint("(row_spacing_mm IS NULL) = (column_spacing_mm IS NULL)", name="spacing"),
    sa.CheckConstraint("operator_rpps IS NULL OR operator_name IS NOT NULL", name="operator"),
    sa.Index(None, "lesion_id"),
    sa.Index(None, "patient_row"),
)

comparison = sa.Table(
    "comparison",
    metadata,
    sa.Column("first_id", sa.String(32), primary_key=True),
    sa.Column("second_id", sa.String(32), primary_key=True),
    sa.Column("lesion_id", sa.String(32), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("matrix", sa.JSON(none_as_null=True)),
    sa.Column("model", sa.String(16)),
    sa.Column("agreement", sa.Float),
    sa.Column("reason", sa.String(24)),
    # Both show the lesion, which is one patient's. What is stated anew of one is compared anew.
    *(
        sa.ForeignKeyConstraint(
            [one, "lesion_id"],
            ["photograph.image_id", "photograph.lesion_id"],
            ondelete="CASCADE",
        )
        for one in ("first_id", "second_id")
    ),
    sa.CheckConstraint("first_id <> second_id", name="two"),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint("done_at IS NULL OR (matrix IS NULL) <> (reason IS NULL)", name="either"),
    sa.Index(None, "second_id"),
    sa.Index(None, "lesion_id"),
)

ruler_reading = sa.Table(
    "ruler_reading",
    metadata,
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("mm_per_pixel", sa.Float),
    sa.Column("uncertainty_mm", sa.Float),
    sa.Column("angle_deg", sa.Float),
    sa.Column("marks", sa.Integer),
    sa.Column("reason", sa.String(24)),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint(
        "done_at IS NULL OR (mm_per_pixel IS NULL) <> (reason IS NULL)", name="either"
    ),
    sa.CheckConstraint("mm_per_pixel > 0 AND uncertainty_mm >= 0", name="length"),
)

proposed_diameter = sa.Table(
    "proposed_diameter",
    metadata,
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("version", sa.String(16)),
    sa.Column("from_x", sa.Float),
    sa.Column("from_y", sa.Float),
    sa.Column("to_x", sa.Float),
    sa.Column("to_y", sa.Float),
    sa.Column("marking_px", sa.Float),
    sa.Column("reason", sa.String(24)),
    sa.CheckConstraint("(done_at IS NULL) = (version IS NULL)", name="done"),
    sa.CheckConstraint(
        "done_at IS NULL OR (marking_px IS NULL) <> (reason IS NULL)", name="either"
    ),
    *(
        sa.CheckConstraint(f"({one} IS NULL) = (marking_px IS NULL)", name=f"whole_{one}")
        for one in ("from_x", "from_y", "to_x", "to_y")
    ),
    sa.CheckConstraint("marking_px > 0", name="length"),
)

measure = sa.Table(
    "measure",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), nullable=False),
    sa.Column("from_x", sa.Float, nullable=False),
    sa.Column("from_y", sa.Float, nullable=False),
    sa.Column("to_x", sa.Float, nullable=False),
    sa.Column("to_y", sa.Float, nullable=False),
    sa.Column("mm", sa.Float, nullable=False),
    sa.Column("uncertainty_mm", sa.Float, nullable=False),
    sa.Column("scale", sa.String(24), nullable=False),
    sa.Column("measured_at", UtcDateTime, nullable=False),
    # The version of the method whose proposal was kept as it was; of those marked by hand none.
    sa.Column("proposed_by", sa.String(16)),
    sa.CheckConstraint("mm > 0 AND uncertainty_mm >= 0", name="length"),
    sa.Index(None, "image_id"),
)

biopsy = sa.Table(
    "biopsy",
    metadata,
    sa.Column("lesion_id", sa.String(32), primary_key=True),
    sa.Column("exam_id", sa.String(32), primary_key=True),
    sa.Column("patient_row", sa.Integer, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    # The lesion and the exam with its slides are of one patient.
    sa.ForeignKeyConstraint(
        ["lesion_id", "patient_row"], ["lesion.id", "lesion.patient_row"], deferrable=True
    ),
    sa.ForeignKeyConstraint(
        ["exam_id", "patient_row"], ["exam.id", "exam.patient_row"], deferrable=True
    ),
    sa.Index(None, "exam_id"),
)
