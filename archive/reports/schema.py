"""The table of reports: one row a document, of each version that ever came."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata, words
from archive.reports.decide import Verdict
from archive.reports.report import ReportStatus

report = sa.Table(
    "report",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("establishment_id", sa.ForeignKey("establishment.id"), nullable=False),
    # The laboratory's: of the report, the same for all versions, and of this very document, by
    # which later ones name what they replace.
    sa.Column("number", sa.String(64), nullable=False),
    sa.Column("number_issuer", sa.String(64), nullable=False),
    sa.Column("document", sa.String(64), nullable=False),
    # That of the document which it replaces, or adds to; NULL for none.
    sa.Column("replaces", sa.String(64)),
    sa.Column("part", sa.Integer, nullable=False),
    # As it is said, "" for nothing; under which exam it stands is another question.
    sa.Column("accession_number", sa.String(16), nullable=False),
    sa.Column("accession_issuer", sa.String(64), nullable=False),
    sa.Column("patient_id", sa.String(64), nullable=False),
    sa.Column("patient_issuer", sa.String(64), nullable=False),
    sa.Column("patient_name", sa.String(200), nullable=False),
    sa.Column("birth_date", sa.Date),
    sa.Column("sex", sa.String(1)),
    sa.Column("is_addendum", sa.Boolean, nullable=False),
    sa.Column("status", words(ReportStatus, "status"), nullable=False),
    sa.Column("title", sa.String(64), nullable=False),
    sa.Column("code", sa.String(16), nullable=False),
    # Of what is kept, in which no national identifier is; NULL for a status alone.
    sa.Column("media_type", sa.String(64)),
    sa.Column("key", sa.String(64), unique=True),
    sa.Column("length_bytes", sa.Integer, nullable=False),
    sa.Column("digest", sa.String(64)),
    sa.Column("said_at", UtcDateTime, nullable=False),
    sa.Column("said_in", sa.String(64), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    # NULL while it waits for a person, or for its order, for the reason beside it.
    sa.Column("exam_id", sa.ForeignKey("exam.id")),
    sa.Column("waits", words(Verdict, "waits")),
    sa.Column("image_id", sa.ForeignKey("image.id")),
    sa.Column("filed_by", sa.String(64)),
    sa.CheckConstraint("(exam_id IS NULL) = (waits IS NOT NULL)", name="waits_somewhere"),
    sa.CheckConstraint("(key IS NULL) = (digest IS NULL)", name="whole"),
    sa.Index(None, "establishment_id", "number_issuer", "number"),
    sa.Index(None, "establishment_id", "accession_number"),
    # A page of all of them, in the order in which they came.
    sa.Index(None, "establishment_id", "received_at", "id"),
    sa.Index(None, "received_at", "id"),
    sa.Index(None, "exam_id"),
    sa.Index(None, "image_id"),
    sa.Index(None, "waits"),
)
