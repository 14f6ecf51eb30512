"""Visits, lesions, pictures and pins go with their patient in a merge, and come back."""

import sqlalchemy as sa

from archive import schema
from archive.catalog import Catalog
from archive.identities.decisions import Then
from archive.identities.schema import Act
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from archive.session import Pin, Session
from archive.sessions import Opening
from tests.archive.conftest import HERE
from tests.archive.identities.saying import NOON, V7, ordered
from tests.archive.sessions import CLOSE_UP, OVERVIEW, lesion_of, shot, stated

PAIRED = ("exam", "lesion", "session", "photograph", "pin")


def visited(catalog: Catalog, number: str) -> tuple[Session, str]:
    """A visit with an overview, in which a lesion is pinned, and a close-up of that."""
    session = catalog.sessions.open(HERE, Opening(PatientIdentity(number, "CHU")))
    lesion = lesion_of(catalog, session.patient_key).id
    whole, near = (
        shot(catalog, session, f"whole {number}"),
        shot(catalog, session, f"near {number}"),
    )
    stated(catalog, session, whole, OVERVIEW)
    stated(catalog, session, near, CLOSE_UP, lesion)
    catalog.pictures.pin(session.id, whole.id, [Pin(lesion, 0.5, 0.5)], establishment=HERE)
    return session, lesion


def paired(catalog: Catalog) -> dict[str, list[tuple[object, ...]]]:
    """Every row that is of a patient, as it stands."""
    tables = [schema.metadata.tables[one] for one in PAIRED]
    with catalog._database.read() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(sa.select(*_texts(table))))
            for table in tables
        }


def _texts(table: sa.Table) -> list[sa.Cast[str]]:
    return [sa.cast(column, sa.String) for column in table.c]


def merged(catalog: Catalog) -> int:
    into = Stated("1", "CHU", {}, NOON, "GAM")
    done = catalog.identities.merge(HERE, into, ("2", "CHU"))
    assert done.then is Then.MERGE
    events = catalog.identities.history(done.key, establishment=HERE)
    return next(one.id for one in events if one.act is Act.MERGED)


def test_all_of_a_visit_goes_along_and_comes_back_as_it_was(catalog: Catalog) -> None:
    one, other = visited(catalog, "1"), visited(catalog, "2")
    before = paired(catalog)
    event = merged(catalog)
    found = catalog.lesions.of_patient(one[0].patient_key, establishment=HERE)
    assert [(lesion.id, lesion.number) for lesion in found] == [(one[1], 1), (other[1], 2)]
    with catalog._database.read() as connection:
        whose = set(connection.scalars(sa.select(schema.pin.c.patient_row)))
    assert len(whose) == 1
    catalog.identities.undo(event, "me", establishment=HERE)
    assert paired(catalog) == before


def test_links_made_meanwhile_end_and_are_listed(catalog: Catalog) -> None:
    (session, _), (_, lesion) = visited(catalog, "1"), visited(catalog, "2")
    event = merged(catalog)
    near = shot(catalog, session, "of the other's lesion")
    stated(catalog, session, near, CLOSE_UP, lesion)
    catalog.identities.undo(event, "me", establishment=HERE)
    shown = schema.photograph.c
    with catalog._database.read() as connection:
        query = sa.select(shown.lesion_id).where(shown.image_id == near.id)
        assert connection.scalar(query) is None
    undone = catalog.identities.history(session.patient_key, establishment=HERE)[0]
    assert (undone.act, undone.after["ended"]) == (Act.UNDONE, {"lesion": [near.id]})


def test_a_visit_whose_lesions_are_shown_waits_for_a_person(catalog: Catalog) -> None:
    session, _ = visited(catalog, "1")
    catalog.sessions.reconcile(session.id, "26H1", "LABO", establishment=HERE)
    ordered(catalog, "1", V7)
    to = Stated("2", "CHU", {}, NOON, "GAM")
    done = catalog.identities.move_visit(HERE, to, ("1", "CHU"), [V7])
    assert (done.then, done.why) == (Then.WAIT, "lesions are shown in it")
