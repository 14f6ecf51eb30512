"""The first catalogue: exams, images, their objects and states, jobs, one-time keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IMAGE_STATES = ("received", "opened", "built", "published", "refused")
TRANSITIONS = (
    ("received", "opened"),
    ("opened", "built"),
    ("built", "published"),
    ("received", "refused"),
    ("opened", "refused"),
    ("built", "refused"),
    ("refused", "received"),
)

# (name, table, event, condition that refuses it, message), in SQL that both dialects read.
TRIGGERS = (
    (
        "image_starts_received",
        "image",
        "INSERT",
        "NEW.state <> 'received'",
        "an image starts as received",
    ),
    (
        "image_follows_transitions",
        "image",
        "UPDATE",
        """NEW.state <> OLD.state AND NOT EXISTS (
            SELECT 1 FROM image_transition
            WHERE from_state = OLD.state AND to_state = NEW.state)""",
        "no such transition of an image",
    ),
    (
        "image_published_with_objects",
        "image",
        "UPDATE",
        """NEW.state = 'published' AND NOT EXISTS (
            SELECT 1 FROM stored_object
            WHERE image_id = NEW.id AND role IN ('level', 'photo'))""",
        "a published image has at least one level or photo",
    ),
    (
        "stored_object_last_of_published",
        "stored_object",
        "DELETE",
        """OLD.role IN ('level', 'photo')
            AND EXISTS (SELECT 1 FROM image WHERE id = OLD.image_id AND state = 'published')
            AND NOT EXISTS (
                SELECT 1 FROM stored_object WHERE image_id = OLD.image_id
                AND role IN ('level', 'photo') AND id <> OLD.id)""",
        "a published image has at least one level or photo",
    ),
    (
        "stored_object_never_changes",
        "stored_object",
        "UPDATE",
        "1 = 1",
        "a stored object never changes",
    ),
)


def upgrade() -> None:
    create_establishment()
    create_image_transition()
    create_link_key()
    create_patient()
    create_exam()
    create_image()
    create_job()
    create_stored_object()
    transition = sa.table(
        "image_transition", sa.column("from_state", sa.String), sa.column("to_state", sa.String)
    )
    op.bulk_insert(
        transition,
        [{"from_state": before, "to_state": after} for before, after in TRANSITIONS],
    )
    create = CREATE_TRIGGER[op.get_context().dialect.name]
    for trigger in TRIGGERS:
        create(*trigger)


def create_trigger_sqlite(name: str, table: str, event: str, refused: str, message: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {refused}"
        f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def create_trigger_postgresql(
    name: str, table: str, event: str, refused: str, message: str
) -> None:
    # A trigger's own WHEN cannot look into tables there: the condition goes into its function.
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {refused} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF;"
        f" RETURN {'OLD' if event == 'DELETE' else 'NEW'}; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


CREATE_TRIGGER = {"sqlite": create_trigger_sqlite, "postgresql": create_trigger_postgresql}


def words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def create_establishment() -> None:
    op.create_table(
        "establishment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_establishment"),
        sa.UniqueConstraint("name", name="uq_establishment_name"),
    )


def create_image_transition() -> None:
    op.create_table(
        "image_transition",
        sa.Column("from_state", words("from_state", *IMAGE_STATES), nullable=False),
        sa.Column("to_state", words("to_state", *IMAGE_STATES), nullable=False),
        sa.PrimaryKeyConstraint("from_state", "to_state", name="pk_image_transition"),
    )


def create_link_key() -> None:
    op.create_table(
        "link_key",
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_sha256", name="pk_link_key"),
    )


def create_patient() -> None:
    op.create_table(
        "patient",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_patient_establishment_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_patient"),
        sa.UniqueConstraint(
            "establishment_id",
            "issuer",
            "patient_id",
            name="uq_patient_establishment_id_issuer_patient_id",
        ),
        sa.UniqueConstraint("id", "establishment_id", name="uq_patient_id_establishment_id"),
    )


def create_exam() -> None:
    op.create_table(
        "exam",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("establishment_id", sa.Integer(), nullable=False),
        sa.Column("patient_row", sa.Integer(), nullable=True),
        sa.Column("accession_number", sa.String(length=16), nullable=True),
        sa.Column("issuer_of_accession_number", sa.String(length=64), nullable=True),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["establishment_id"], ["establishment.id"], name="fk_exam_establishment_id"
        ),
        sa.ForeignKeyConstraint(
            ["patient_row", "establishment_id"],
            ["patient.id", "patient.establishment_id"],
            name="fk_exam_patient_row_establishment_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_exam"),
        sa.UniqueConstraint(
            "establishment_id",
            "study_instance_uid",
            name="uq_exam_establishment_id_study_instance_uid",
        ),
    )
    op.create_index("ix_exam_created_at_id", "exam", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_exam_establishment_id_created_at_id",
        "exam",
        ["establishment_id", "created_at", "id"],
        unique=False,
    )


def create_image() -> None:
    op.create_table(
        "image",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("exam_id", sa.String(length=32), nullable=False),
        sa.Column("kind", words("kind", "slide", "photo"), nullable=False),
        sa.Column("state", words("state", *IMAGE_STATES), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'published') = (published_at IS NOT NULL)", name="published"),
        sa.CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="reason"),
        sa.ForeignKeyConstraint(["exam_id"], ["exam.id"], name="fk_image_exam_id"),
        sa.PrimaryKeyConstraint("id", name="pk_image"),
        sa.UniqueConstraint(
            "exam_id",
            "source_sha256",
            "plan",
            "incarnation",
            name="uq_image_exam_id_source_sha256_plan_incarnation",
        ),
    )
    op.create_index("ix_image_source_sha256", "image", ["source_sha256"], unique=False)


def create_job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", words("state", "waiting", "leased", "done", "failed"), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'leased') = (lease_until IS NOT NULL)", name="lease"),
        sa.CheckConstraint("attempt <= max_attempts", name="attempts"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_job_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
    )
    op.create_index("ix_job_image_id", "job", ["image_id"], unique=False)
    op.create_index("ix_job_state_due_at", "job", ["state", "due_at"], unique=False)
    op.create_index(
        "uq_job_unfinished",
        "job",
        ["kind", "image_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'leased')"),
        postgresql_where=sa.text("state IN ('waiting', 'leased')"),
    )


def create_stored_object() -> None:
    op.create_table(
        "stored_object",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column(
            "role",
            words("role", "original", "level", "label", "overview", "preview", "photo"),
            nullable=False,
        ),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("pixel_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(role = 'level') = (level IS NOT NULL)", name="level"),
        sa.CheckConstraint("length_bytes >= 0", name="length"),
        sa.ForeignKeyConstraint(["image_id"], ["image.id"], name="fk_stored_object_image_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stored_object"),
        sa.UniqueConstraint(
            "image_id", "sop_instance_uid", name="uq_stored_object_image_id_sop_instance_uid"
        ),
        sa.UniqueConstraint("key", name="uq_stored_object_key"),
    )
    op.create_index("ix_stored_object_image_id", "stored_object", ["image_id"], unique=False)
