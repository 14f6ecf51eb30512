"""The tables of cases: laboratories, orders with their containers, and what was scanned."""

import sqlalchemy as sa

from archive.cases.order import Priority, Stay
from archive.columns import UtcDateTime, metadata, words

laboratory = sa.Table(
    "laboratory",
    metadata,
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), primary_key=True),
    sa.Column("issuer", sa.String(64), nullable=False),
    sa.Column("barcode", sa.Text),
    sa.Column("names_slides", sa.Boolean, nullable=False),
    # Codes of what is asked (OBR-4) that mean a frozen section.
    sa.Column("frozen", sa.JSON, nullable=False),
)

lab_case = sa.Table(
    "lab_case",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    # "" where nobody says who gave the number: NULL would be equal to nothing.
    sa.Column("issuer", sa.String(64), nullable=False),
    sa.Column("accession_number", sa.String(16), nullable=False),
    sa.UniqueConstraint("establishment_id", "issuer", "accession_number"),
    # The target of scan's foreign key, so that none is linked to a neighbour's case.
    sa.UniqueConstraint("id", "establishment_id"),
)

lab_order = sa.Table(
    "lab_order",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("case_id", sa.ForeignKey("lab_case.id"), nullable=False),
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("number_issuer", sa.String(64), nullable=False),
    sa.Column("placer_number", sa.String(64)),
    sa.Column("placer_issuer", sa.String(64)),
    # As the laboratory says it. Who that is today, is asked each time: patients are merged.
    sa.Column("patient_id", sa.String(64), nullable=False),
    sa.Column("patient_issuer", sa.String(64), nullable=False),
    sa.Column("patient_name", sa.String(200), nullable=False),
    sa.Column("birth_date", sa.Date),
    sa.Column("sex", sa.String(1)),
    sa.Column("priority", words(Priority, "priority"), nullable=False),
    sa.Column("is_consult", sa.Boolean, nullable=False),
    # Who is to read it, by their number, where the order names somebody.
    sa.Column("reader", sa.String(64)),
    sa.Column("is_cancelled", sa.Boolean, nullable=False),
    # The newest message that said something of the order, and the newest that said what it is of:
    # the last one in time counts, not the last one that arrived.
    sa.Column("status_at", UtcDateTime, nullable=False),
    sa.Column("status_in", sa.String(64), nullable=False),
    sa.Column("said_at", UtcDateTime),
    sa.Column("said_in", sa.String(64)),
    # Named, as PostgreSQL's names have 63 characters.
    sa.UniqueConstraint(
        "case_id",
        "number_issuer",
        "number",
        "patient_issuer",
        "patient_id",
        name="uq_lab_order_of_patient",
    ),
    sa.CheckConstraint("(said_at IS NULL) = (said_in IS NULL)", name="said"),
    sa.Index(None, "status_at"),
    sa.Index(None, "patient_id"),
    sa.Index(None, "number"),
)

order_visit = sa.Table(
    "order_visit",
    metadata,
    # In which account and visit an order was asked, as its newest version that says so has it.
    sa.Column("order_id", sa.ForeignKey("lab_order.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", words(Stay, "stay"), primary_key=True),
    sa.Column("number", sa.String(64), primary_key=True),
    sa.Column("issuer", sa.String(64), nullable=False),
    sa.Index(None, "number"),
)

container = sa.Table(
    "container",
    metadata,
    sa.Column("order_id", sa.ForeignKey("lab_order.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("specimen", sa.String(16), primary_key=True),
    sa.Column("block", sa.String(16), primary_key=True),
    sa.Column("slide", sa.String(16), primary_key=True),
    sa.Column("stain", sa.String(16), nullable=False),
    sa.Column("recut", sa.String(16), nullable=False),
    sa.Column("barcode", sa.String(64), nullable=False),
    sa.Column("description", sa.String(64), nullable=False),
    sa.Column("foreign_number", sa.String(64)),
    sa.Column("foreign_issuer", sa.String(64)),
    # The newest message that named it. Where a newer one names others, it is no longer expected;
    # a slide that is scanned all the same is still known by it.
    sa.Column("named_at", UtcDateTime, nullable=False),
    sa.Column("named_in", sa.String(64), nullable=False),
    sa.Index(None, "barcode"),
    sa.Index(None, "foreign_number"),
)

scan = sa.Table(
    "scan",
    metadata,
    sa.Column("image_id", sa.ForeignKey("image.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    # What its label says; NULL where no barcode has the pattern.
    sa.Column("accession_number", sa.String(16)),
    sa.Column("specimen", sa.String(16), nullable=False),
    sa.Column("block", sa.String(16), nullable=False),
    sa.Column("slide", sa.String(16), nullable=False),
    sa.Column("stain", sa.String(16), nullable=False),
    sa.Column("recut", sa.String(16), nullable=False),
    # What it was linked to. It counts while the image is under that case's accession number.
    sa.Column("case_id", sa.String(32)),
    sa.Column("to_specimen", sa.String(16)),
    sa.Column("to_block", sa.String(16)),
    sa.Column("to_slide", sa.String(16)),
    sa.Column("linked_by", sa.String(64)),
    sa.Column("linked_at", UtcDateTime),
    # Something has changed since it was decided.
    sa.Column("is_due", sa.Boolean, nullable=False),
    sa.Column("urgency", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["case_id", "establishment_id"], ["lab_case.id", "lab_case.establishment_id"]
    ),
    *(
        sa.CheckConstraint(f"({one} IS NULL) = (case_id IS NULL)", name=f"whole_{one}")
        for one in ("to_specimen", "to_block", "to_slide", "linked_by", "linked_at")
    ),
    sa.Index(None, "establishment_id", "accession_number"),
    sa.Index(None, "case_id"),
    sa.Index(None, "is_due"),
)

scan_text = sa.Table(
    "scan_text",
    metadata,
    sa.Column("image_id", sa.ForeignKey("scan.image_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("text", sa.String(200), primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Index(None, "text"),
)

appointment = sa.Table(
    "appointment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("number_issuer", sa.String(64), nullable=False),
    sa.Column("patient_id", sa.String(64), nullable=False),
    sa.Column("patient_issuer", sa.String(64), nullable=False),
    sa.Column("patient_name", sa.String(200), nullable=False),
    sa.Column("birth_date", sa.Date),
    sa.Column("sex", sa.String(1)),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    # Of the order, where a worklist says it.
    sa.Column("accession_number", sa.String(16)),
    sa.Column("is_cancelled", sa.Boolean, nullable=False),
    sa.Column("said_at", UtcDateTime, nullable=False),
    sa.Column("said_in", sa.String(64), nullable=False),
    sa.UniqueConstraint("establishment_id", "number_issuer", "number"),
    sa.Index(None, "establishment_id", "starts_at"),
)

worklist_source = sa.Table(
    "worklist_source",
    metadata,
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    # NULL before it has answered for the first time.
    sa.Column("answered_at", UtcDateTime),
    sa.Column("answers", sa.Boolean, nullable=False),
)
