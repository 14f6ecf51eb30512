"""The table of what was done already, by the case of the order for which it was looked for."""

import sqlalchemy as sa

from archive.columns import UtcDateTime, metadata

prior_search = sa.Table(
    "prior_search",
    metadata,
    sa.Column("case_id", sa.ForeignKey("lab_case.id"), primary_key=True),
    # None once every archive has answered, or has been asked often enough.
    sa.Column("due_at", UtcDateTime),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("searched_at", UtcDateTime),
    # For whom, as the case said it then; what was found counts for nobody else.
    sa.Column("patient_id", sa.String(64), nullable=False),
    sa.Column("patient_issuer", sa.String(64), nullable=False),
    sa.Column("found", sa.JSON, nullable=False),
    # Archives that did not answer: what they hold is not known.
    sa.Column("unanswered", sa.JSON, nullable=False),
    sa.Index(None, "due_at"),
)
