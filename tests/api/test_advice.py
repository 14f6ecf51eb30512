"""A colleague is asked, here or elsewhere: what each of the two sees, and what nobody else does."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from api.doors import Doors
from api.policies import Role
from api.settings import signing_key
from tests.api.conftest import Installation, Web, opened

QUESTION = "Femme de 54 ans : exérèse ?"
GUEST_SEES = (
    "/api/images/{image}",
    "/deepzoom/{image}.dzi",
    "/deepzoom/{image}_files/0/0_0.jpeg",
    "/iiif/3/{image}/info.json",
    "/iiif/3/{image}/full/64,/0/default.jpg",
    "/images/{image}/thumbnail",
)
CLOSED_TO_GUESTS = (
    "/api/exams/{exam}",
    "/iiif/presentation/3/{exam}/manifest",
    "/images/{image}/label",
    "/images/{image}/overview",
    "/zarr/{image}/zarr.json",
)


class Users:
    """Two contributors of the north and two of the south, each by a token of their own.

    They are other persons in each test, as what is asked of somebody is counted.
    """

    def __init__(self, web: Web, installation: Installation, test: str) -> None:
        self.web, self.installation, self.test = web, installation, test
        doors = Doors(signing_key(installation.settings))
        self.tokens = {
            f"{where} {name}": doors.issue(Role.CONTRIBUTOR, where, subject=f"user-{name}-{test}")
            for where, name in (("north", "a"), ("north", "b"), ("south", "a"), ("south", "c"))
        }
        self.tokens["operator"] = doors.issue(Role.OPERATOR, subject=f"user-a-{test}")
        self.tokens["phone"] = doors.issue(
            Role.CONTRIBUTOR, "south", subject=f"user-c-{test}", image=installation.images["north"]
        )

    def call(self, who: str, method: str, address: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        more = {} if body is None else {"json": body}
        return self.web.request(method, address, headers=headers, **more)

    def done(self, who: str, method: str, address: str, body: Any = None) -> Any:
        answer = self.call(who, method, address, body)
        assert answer.is_success, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def card(self, who: str) -> dict[str, Any]:
        made: dict[str, Any] = self.done(who, "PUT", "/api/me/card", {"name": f"Dr {who}"})
        return made


@pytest.fixture
def users(web: Web, installation: Installation, request: pytest.FixtureRequest) -> Users:
    return Users(web, installation, request.node.name)


def addresses(installation: Installation, templates: tuple[str, ...]) -> list[str]:
    image, exam = installation.images["north"], installation.exams["north"]
    return [one.format(image=image, exam=exam) for one in templates]


def test_a_colleague_elsewhere_sees_the_picture_until_it_is_closed(
    users: Users, installation: Installation
) -> None:
    image = installation.images["north"]
    asked = {"question": QUESTION, "images": [image]}
    code = users.card("south c")["code"]
    told = users.call("north a", "POST", "/api/advice", {**asked, "code": code})
    assert (told.status_code, told.json()["reason"]) == (409, "card")
    users.card("north a")
    found = users.done("north a", "POST", "/api/colleagues/named", {"code": code.lower()})
    assert found["name"] == "Dr south c"
    advice = users.done("north a", "POST", "/api/advice", {**asked, "code": code})
    assert advice["elsewhere"]
    assert advice["pictures"][0]["exam"] == installation.exams["north"]

    mine = users.done("south c", "GET", "/api/me/advice")
    assert (mine["unread"], len(mine["of_me"]), mine["by_me"]) == (1, 1, [])
    address = f"/api/advice/{advice['id']}"
    shown = users.call("south c", "GET", address)
    assert shown.json()["words"][0]["text"] == QUESTION
    assert [one["id"] for one in shown.json()["pictures"]] == [image]
    patients = ("SPECIMEN", "registry", "1970-01-01", "north", installation.exams["north"])
    for word in patients[:-2]:
        assert word not in shown.text
    assert installation.exams["north"] not in shown.text
    users.done("south c", "POST", f"{address}/seen")
    assert users.done("south c", "GET", "/api/me/advice")["unread"] == 0

    for one in addresses(installation, GUEST_SEES):
        answer = users.call("south c", "GET", one)
        assert answer.status_code == 200, one
        if "info.json" not in one and "/api/" not in one and ".dzi" not in one:
            assert answer.headers["cache-control"] == "no-store", one
        for other in ("north b", "operator"):
            assert users.call(other, "GET", one).status_code == 200
        for other in ("south a",):
            assert users.call(other, "GET", one).status_code == 404, one
    told = users.done("south c", "GET", f"/api/images/{image}")
    hidden = ("patient", "accession_number", "scanner")
    assert [told[name] for name in hidden] == [None, None, None]
    assert (told["exam"], told["siblings"], told["barcodes"]) == ("", [], [])
    assert (told["source_sha256"], told["lent"]) == ("", True)
    own = users.done("north a", "GET", f"/api/images/{image}")
    assert (own["lent"], own["patient"]["name"]) == (False, "SPECIMEN^ONE")
    for one in addresses(installation, CLOSED_TO_GUESTS):
        assert users.call("south c", "GET", one).status_code == 404, one
    for method, one, body in (
        ("POST", f"/api/images/{image}/links", {}),
        ("POST", "/api/exports", {"form": "jpeg", "purpose": "care", "images": [{"image": image}]}),
        ("POST", "/api/advice", {**asked, "to": advice["id"]}),
    ):
        assert users.call("south c", method, one, body).status_code == 404, one

    users.done("south c", "POST", f"{address}/words", {"text": "Oui."})
    assert users.done("north a", "GET", "/api/me/advice")["unread"] == 1
    said = users.done("north a", "GET", address)["words"]
    assert [(one["by"], one["mine"]) for one in said] == [
        ("Dr north a", True),
        ("Dr south c", False),
    ]
    users.done("north a", "POST", f"{address}/close")
    for one in addresses(installation, GUEST_SEES):
        assert users.call("south c", "GET", one).status_code == 404, one
    after = users.done("south c", "GET", address)
    assert (after["closed"], after["pictures"], len(after["words"])) == (True, [], 2)
    late = users.call("south c", "POST", f"{address}/words", {"text": "Et…"})
    assert late.status_code == 409


def test_others_are_answered_as_for_what_does_not_exist(
    users: Users, installation: Installation
) -> None:
    users.card("north a")
    near = users.card("north b")
    users.card("south a")
    asked = {"question": QUESTION, "images": [installation.images["north"]], "to": near["id"]}
    advice = users.done("north a", "POST", "/api/advice", asked)
    assert not advice["elsewhere"]
    names = users.done("south a", "GET", "/api/colleagues")["colleagues"]
    assert not {one["name"] for one in names} & {"Dr north a", "Dr north b"}
    missing = "0" * 32
    for who in ("south a", "operator"):
        for method, part, body in (
            ("GET", "", None),
            ("POST", "/seen", None),
            ("POST", "/words", {"text": "?"}),
            ("POST", "/close", None),
        ):
            theirs = users.call(who, method, f"/api/advice/{advice['id']}{part}", body)
            none = users.call(who, method, f"/api/advice/{missing}{part}", body)
            assert theirs.status_code == none.status_code == 404, (who, part)
            assert theirs.content == none.content
    # Neither a code that is not one nor another establishment's card says that anybody is there.
    for code in ("ABCD", "0" * 12):
        assert (
            users.call("south a", "POST", "/api/colleagues/named", {"code": code}).status_code
            == 404
        )
    theirs = {**asked, "images": [installation.images["south"]]}
    none = {**theirs, "to": missing}
    answers = [users.call("south a", "POST", "/api/advice", one) for one in (theirs, none)]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    linked = users.call("phone", "GET", f"/api/advice/{advice['id']}")
    assert linked.status_code == 403


def test_what_says_nothing_is_refused(users: Users, installation: Installation) -> None:
    users.card("north a")
    images = [installation.images["north"]]
    for wrong in (
        {"question": " ", "images": images, "code": "A"},
        {"question": QUESTION, "images": [], "code": "A"},
        {"question": QUESTION, "images": images},
        {"question": QUESTION, "images": images, "code": "A", "to": "B"},
    ):
        assert users.call("north a", "POST", "/api/advice", wrong).status_code == 422
    assert users.call("north a", "PUT", "/api/me/card", {"name": " "}).status_code == 422


def test_a_renewed_code_is_the_only_one_that_leads_anywhere(users: Users) -> None:
    first = users.card("south c")
    second = users.done("south c", "POST", "/api/me/card/code")
    assert (first["id"], first["name"]) == (second["id"], second["name"])
    named = "/api/colleagues/named"
    assert users.call("north a", "POST", named, {"code": first["code"]}).status_code == 404
    assert users.done("north a", "POST", named, {"code": second["code"]})["id"] == first["id"]


@pytest.fixture
def again(installation: Installation) -> Iterator[Web]:
    with opened(create_app(installation.settings)) as web:
        yield web


def test_closing_counts_at_once_in_every_process(
    users: Users, again: Web, installation: Installation
) -> None:
    """Nothing that was answered before is answered from memory, here or in another process."""
    elsewhere = Users(again, installation, users.test)
    image = installation.images["north"]
    users.card("north a")
    code = users.card("south c")["code"]
    asked = {"question": QUESTION, "images": [image], "code": code}
    advice = users.done("north a", "POST", "/api/advice", asked)
    for one in (users, elsewhere):
        assert one.call("south c", "GET", f"/images/{image}/thumbnail").status_code == 200
    users.done("north a", "POST", f"/api/advice/{advice['id']}/close")
    for one in (users, elsewhere):
        assert one.call("south c", "GET", f"/images/{image}/thumbnail").status_code == 404
