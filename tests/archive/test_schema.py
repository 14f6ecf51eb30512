"""The database itself keeps the promises, whoever writes to it."""

import itertools
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from archive.catalog import Catalog
from archive.database import Database
from archive.record import (
    TRANSITIONS,
    ImageState,
    ObjectRole,
)
from tests.archive.conftest import HERE, published, received, stored


def test_the_sqlite_file_is_set_up_for_several_writers(bare_url: str) -> None:
    database = Database.open(bare_url)
    with database.read() as connection:
        if connection.dialect.name == "sqlite":
            settings = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in (
                    "journal_mode",
                    "synchronous",
                    "foreign_keys",
                    "busy_timeout",
                    "secure_delete",
                )
            }
            assert settings == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": 30_000,
                "secure_delete": 1,
            }
        else:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    database.close()


# How to reach each state by allowed steps from received.
PATHS = {
    ImageState.RECEIVED: (),
    ImageState.OPENED: ("opened",),
    ImageState.BUILT: ("opened", "built"),
    ImageState.PUBLISHED: ("opened", "built", "published"),
    ImageState.REFUSED: ("refused",),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(ImageState, repeat=2)))
def test_raw_sql_follows_the_transitions(url: str, before: ImageState, after: ImageState) -> None:
    with Catalog.open(url) as catalog:
        image = received(catalog)
        catalog.attach(image.id, [stored()])
    database = Database.open(url)

    def move(to: str) -> None:
        with database.write() as connection:
            connection.execute(
                sa.text(
                    "UPDATE image SET state = :to, reason = :reason,"
                    " published_at = CASE WHEN :seen = 1 THEN created_at END WHERE id = :id"
                ),
                {
                    "to": to,
                    "reason": "why" if to == "refused" else None,
                    "seen": int(to == "published"),
                    "id": image.id,
                },
            )

    for step in PATHS[before]:
        move(step)
    if before == after or (before, after) in TRANSITIONS:
        move(after)
        expected = after
    else:
        with pytest.raises(IntegrityError):
            move(after)
        expected = before
    database.close()
    with Catalog.open(url) as catalog:
        assert catalog.image(image.id, establishment=HERE).state is expected


REFUSED_SQL = {
    "an unknown state": "UPDATE image SET state = 'lost'",
    "an image that starts later": (
        "INSERT INTO image (id, exam_id, kind, state, source_sha256, plan, incarnation, facts,"
        " created_at) SELECT 'x', exam_id, kind, 'opened', 'y', plan, 0, facts, created_at"
        " FROM image"
    ),
    "a refusal without a reason": "UPDATE image SET state = 'refused'",
    "the last level of a published image": "DELETE FROM stored_object WHERE role = 'level'",
    "an object that changes": "UPDATE stored_object SET length_bytes = 1",
    "an exam of no establishment": "UPDATE exam SET establishment_id = 99",
    "an image of no exam": "UPDATE image SET exam_id = 'x'",
    "an establishment with exams": "DELETE FROM establishment",
}


@pytest.mark.parametrize("what", REFUSED_SQL)
def test_raw_sql_cannot_break_what_always_holds(url: str, what: str) -> None:
    with Catalog.open(url) as catalog:
        image = published(catalog)
        kept = catalog.attach(image.id, [stored(ObjectRole.ORIGINAL)])
        database = Database.open(url)
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.exec_driver_sql(REFUSED_SQL[what])
        database.close()
        assert catalog.image(image.id, establishment=HERE) == kept


def test_an_exam_cannot_name_a_neighbours_patient(url: str) -> None:
    database = Database.open(url)
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO establishment (id, name) VALUES (1,'A'), (2,'B')")
        connection.exec_driver_sql(
            "INSERT INTO patient (id, establishment_id, issuer, patient_id, name)"
            " VALUES (1, 1, '', '1', '')"
        )
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO exam (id, establishment_id, patient_row, study_instance_uid, created_at)"
            " VALUES ('x', 2, 1, '2.25.1', '2026-01-01')"
        )
    database.close()


def test_a_failing_statement_keeps_its_values_to_itself(url: str) -> None:
    database = Database.open(url)
    secret = "DUPONT"
    with pytest.raises(IntegrityError) as refused, database.write() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO patient (id, establishment_id, issuer, patient_id, name)"
                " VALUES (1, 99, '', '1', :name)"
            ),
            {"name": secret},
        )
    database.close()
    assert secret not in str(refused.value)


def test_a_moment_without_a_zone_is_not_kept(url: str) -> None:
    with Catalog.open(url) as catalog, pytest.raises(StatementError, match="time zone"):
        catalog.issue_key({}, datetime(2026, 1, 1))  # noqa: DTZ001 -- the point of the test
