"""The reading worklist as the page asks for it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from api.doors import Doors
from api.policies import Role
from api.settings import signing_key
from archive.cases.order import Numbered, OrderPlaced, Priority
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from tests.api.conftest import Installation, Web, two_establishments


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One of its own: a worklist is counted, and other tests add exams to the common one."""
    with two_establishments(tmp_path_factory.mktemp("worklist")) as installed:
        yield installed


def user(installation: Installation, name: str, role: Role = Role.READER) -> dict[str, str]:
    doors = Doors(signing_key(installation.settings))
    return {"authorization": f"Bearer {doors.issue(role, 'north', subject=name)}"}


def test_an_exam_is_taken_read_and_given_back(web: Web, installation: Installation) -> None:
    exam = installation.exams["north"]
    anne, bruno = user(installation, "anne"), user(installation, "bruno")
    chief = user(installation, "chief", Role.PHYSICIAN)
    path = f"/api/worklist/{exam}"
    (one,) = web.get("/api/worklist", headers=anne).json()["items"]
    assert (one["exam"], one["news"], one["slides"]) == (exam, ["first"], 1)
    assert web.post(f"{path}/take", headers=anne).json()["taken"] == {"name": None, "me": True}
    assert web.post(f"{path}/take", headers=bruno).status_code == 409
    assert web.post(f"{path}/take", headers=bruno, json={"over": True}).status_code == 403
    assert web.post(f"{path}/take", headers=chief, json={"over": True}).json()["mine"]
    assert web.post(f"{path}/release", headers=anne).status_code == 409
    assert web.post(f"{path}/release", headers=chief).json()["taken"] is None
    wrong = web.post(f"{path}/read", headers=anne, json={"version": "0" * 16})
    assert wrong.status_code == 409
    read = web.post(f"{path}/read", headers=anne, json={"version": one["version"]}).json()
    assert (read["news"], read["read"]["by"]["me"]) == ([], True)
    found = web.get("/api/worklist", headers=anne).json()
    assert (found["items"], found["counts"]["unread"], found["more"]) == ([], 0, False)
    for words, number in (("Spécimen one", 1), ("nobody", 0)):
        asked = {"which": "all", "q": words}
        answer = web.post("/api/worklist/search", headers=anne, json=asked)
        assert len(answer.json()["items"]) == number
    away = f"/api/worklist/{installation.exams['south']}"
    assert web.get(away, headers=anne).status_code == 404
    assert web.post(f"{away}/take", headers=anne).status_code == 404
    assert web.post(f"{path}/unread", headers=anne).json()["news"] == ["first"]
    assert web.post(f"{path}/release", headers=anne).json()["taken"] is None


def test_an_order_names_its_urgency_and_its_reader(web: Web, installation: Installation) -> None:
    with Catalog.open(installation.settings.database_url) as catalog:
        catalog.cases.place(
            OrderPlaced(
                "north",
                Numbered("O", "LABO"),
                Numbered("A1"),
                PatientIdentity("1", "registry"),
                datetime.now(UTC),
                priority=Priority.FROZEN,
                reader="anne",
            )
        )
    found = web.get("/api/worklist?which=mine", headers=user(installation, "anne")).json()
    assert [(one["priority"], one["mine"]) for one in found["items"]] == [("frozen", True)]
    assert found["counts"] == {"unread": 1, "urgent": 1, "mine": 1, "all": 1}
    bruno = web.get("/api/worklist?which=mine", headers=user(installation, "bruno")).json()
    assert bruno["items"] == []
