"""Pages of other origins: what they may read and frame, and links that show one image."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.app import create_app
from api.cookies import COOKIE
from api.policies import Role
from tests.api.conftest import ORIGIN, Installation, Web, opened

FRIEND = "https://record.example.org"
STRANGER = "https://elsewhere.example.org"


@pytest.fixture
def image(installation: Installation) -> str:
    return installation.images["north"]


@pytest.fixture(scope="module")
def open_to_a_friend(installation: Installation) -> Iterator[Web]:
    settings = replace(installation.settings, read_origins=(FRIEND,), frame_ancestors=(FRIEND,))
    with opened(create_app(settings)) as web:
        yield web


def preflight(origin: str) -> dict[str, str]:
    asked = {"access-control-request-method": "GET"}
    return {"origin": origin, "access-control-request-headers": "authorization", **asked}


def test_nobody_elsewhere_reads_or_frames_unless_named(
    web: Web, installation: Installation, image: str
) -> None:
    headers = {**installation.bearer(), "origin": FRIEND}
    for address in (f"/zarr/{image}/zarr.json", f"/view/{image}", "/embed/sans-verre-viewer.js"):
        answer = web.get(address, headers=headers)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    asked = web.request("OPTIONS", f"/zarr/{image}/zarr.json", headers=preflight(FRIEND))
    assert asked.status_code == 401


def test_a_named_origin_reads_with_a_token(
    open_to_a_friend: Web, installation: Installation, image: str
) -> None:
    address = f"/zarr/{image}/0/c/0/0/0"
    asked = open_to_a_friend.request("OPTIONS", address, headers=preflight(FRIEND))
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == FRIEND
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    headers = {**installation.bearer(Role.READER, "north"), "origin": FRIEND}
    read = open_to_a_friend.get(address, headers=headers)
    assert (read.status_code, read.headers.get_list("vary")[-1]) == (200, "origin")
    assert read.headers["access-control-allow-origin"] == FRIEND
    assert read.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "etag" in read.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in read.headers
    # What is wrong is told to a page as well.
    missing = open_to_a_friend.get(f"/zarr/{image}/0/c/0/9/9", headers=headers)
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, FRIEND)
    unsigned = open_to_a_friend.get(address, headers={"origin": FRIEND})
    assert unsigned.status_code == 401


def test_others_do_not(open_to_a_friend: Web, installation: Installation, image: str) -> None:
    address = f"/zarr/{image}/0/c/0/0/0"
    for origin in (STRANGER, "null", f"{FRIEND}.evil.example", FRIEND.upper()):
        asked = open_to_a_friend.request("OPTIONS", address, headers=preflight(origin))
        assert asked.status_code == 401
        headers = {**installation.bearer(), "origin": origin}
        read = open_to_a_friend.get(address, headers=headers)
        assert (read.status_code, read.headers.get_list("vary")[-1]) == (200, "origin")
        assert "access-control-allow-origin" not in read.headers
    # Nothing but pixels is read from elsewhere.
    for address in (f"/api/images/{image}", "/api/exams"):
        headers = {**installation.bearer(), "origin": FRIEND}
        assert (
            "access-control-allow-origin"
            not in open_to_a_friend.get(address, headers=headers).headers
        )


def test_only_the_viewer_is_framed_and_by_those_named(open_to_a_friend: Web, image: str) -> None:
    framed = open_to_a_friend.get(f"/view/{image}")
    assert "x-frame-options" not in framed.headers
    (policy,) = framed.headers.get_list("content-security-policy")
    assert policy.endswith(f"frame-ancestors {FRIEND}")
    assert "default-src 'self'" in policy
    for address in ("/", "/exam/x", f"/api/images/{image}"):
        answer = open_to_a_friend.get(address)
        assert answer.headers["x-frame-options"] == "DENY"
    element = open_to_a_friend.get("/embed/sans-verre-viewer.js")
    assert element.headers["access-control-allow-origin"] == "*"
    assert element.headers["content-type"].startswith("text/javascript")


def link_to(web: Web, image: str, bearer: dict[str, str]) -> str:
    made = web.post(f"/api/images/{image}/links", headers=bearer)
    assert made.status_code == 201
    path, _, key = made.json()["link"].partition("#key=")
    assert path == f"/view/{image}"
    return str(key)


@pytest.fixture
def linked(web: Web, installation: Installation, image: str) -> dict[str, str]:
    """The headers of a page that a link to the northern image opened."""
    key = link_to(web, image, installation.bearer(Role.CONTRIBUTOR, "north"))
    given = web.post("/api/links", json={"key": key})
    assert (given.status_code, given.json()["image"]) == (200, image)
    assert given.headers["cache-control"] == "no-store"
    return {"authorization": f"Bearer {given.json()['token']}"}


def test_a_link_opens_its_image(web: Web, image: str, linked: dict[str, str]) -> None:
    for address in (
        f"/api/images/{image}",
        f"/deepzoom/{image}.dzi",
        f"/deepzoom/{image}_files/11/0_0.jpeg",
        f"/images/{image}/thumbnail",
        f"/zarr/{image}/zarr.json",
    ):
        assert web.get(address, headers=linked).status_code == 200, address
    told = web.get(f"/api/images/{image}", headers=linked).json()
    assert told["patient"]["name"] == "SPECIMEN^ONE"
    assert told["siblings"] == []


def test_what_a_link_shows_does_not_outlast_it(
    web: Web, installation: Installation, image: str, linked: dict[str, str]
) -> None:
    for address in (
        f"/deepzoom/{image}_files/11/0_0.jpeg",
        f"/images/{image}/thumbnail",
        f"/iiif/3/{image}/full/64,/0/default.jpg",
        f"/zarr/{image}/zarr.json",
    ):
        own = web.get(address, headers=installation.bearer(establishment="north"))
        assert "immutable" in own.headers["cache-control"], address
        told = web.get(address, headers=linked)
        assert (told.status_code, told.headers["cache-control"]) == (200, "no-store"), address
        again = web.get(address, headers={**linked, "if-none-match": told.headers["etag"]})
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-store"), address


def test_a_link_opens_nothing_else(
    web: Web, installation: Installation, image: str, linked: dict[str, str]
) -> None:
    other, exam = installation.images["south"], installation.exams["north"]
    for address in (
        f"/api/images/{other}",
        f"/deepzoom/{other}.dzi",
        f"/deepzoom/{other}_files/11/0_0.jpeg",
        f"/zarr/{other}/zarr.json",
        f"/images/{other}/label",
        "/api/images/nothing",
        "/api/exams",
        f"/api/exams/{exam}",
        *("/docs", "/openapi.json", "/metrics"),
    ):
        assert web.get(address, headers=linked).status_code == 403, address
    # Nor does it hand itself on.
    assert web.post(f"/api/images/{image}/links", headers=linked).status_code == 403


def test_a_link_opens_once(web: Web, installation: Installation, image: str) -> None:
    key = link_to(web, image, installation.bearer(Role.CONTRIBUTOR, "north"))
    assert web.post("/api/links", json={"key": key}).status_code == 200
    assert web.post("/api/links", json={"key": key}).status_code == 401
    for nonsense in ({"key": "x"}, {"key": ""}):
        assert web.post("/api/links", json=nonsense).status_code == 401
    assert web.post("/api/links", json={"key": "x" * 201}).status_code == 422
    assert web.post("/api/links", content=b"[]").status_code == 422


def test_a_link_signs_nobody_in(web: Web, installation: Installation, image: str) -> None:
    key = link_to(web, image, installation.bearer(Role.CONTRIBUTOR, "north"))
    entered = web.get("/enter", params={"key": key})
    assert entered.status_code == 401
    assert "set-cookie" not in entered.headers


def test_links_are_made_by_those_who_may_add_images_of_their_own_house(
    web: Web, installation: Installation, image: str
) -> None:
    address = f"/api/images/{image}/links"
    statuses = [
        web.post(address, headers=installation.bearer(role, place)).status_code
        for role, place in (
            (Role.READER, "north"),
            (Role.CONTRIBUTOR, "south"),
            (Role.CONTRIBUTOR, "north"),
            (Role.OPERATOR, None),
        )
    ]
    assert statuses == [403, 404, 201, 201]
    cookie = {"cookie": f"{COOKIE}={installation.token(Role.OPERATOR)}"}
    assert web.post(address, headers={**cookie, "origin": STRANGER}).status_code == 401
    assert web.post(address, headers={**cookie, "origin": ORIGIN}).status_code == 201
    bearer = installation.bearer(Role.CONTRIBUTOR, "north")
    for lasts_s in (0, 59, 43_201):
        asked = web.post(address, headers=bearer, json={"lasts_s": lasts_s})
        assert asked.status_code == 422
    long = web.post(address, headers=bearer, json={"lasts_s": 43_200})
    assert long.status_code == 201
