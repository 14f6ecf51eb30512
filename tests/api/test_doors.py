"""Who may call what: the policies, the tokens, the one-time link."""

import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer

from api.app import create_app
from api.cookies import COOKIE, cookie_header
from api.dispatch import HOT_ROUTES, Dispatcher
from api.doors import SALT, Doors, is_public, require
from api.errors import NotPermitted, NotSignedIn
from api.policies import POLICIES, Role
from api.settings import Settings
from api.static import read_viewer
from archive.catalog import Catalog
from tests.api.children import redeemed
from tests.api.conftest import ORIGIN, Installation, Web, opened

PAGES = (
    "/exam/{exam}",
    "/view/{image}",
    "/cases",
    "/cases/{case}",
    "/deposit",
    "/capture",
    "/capture/{session}",
    "/patients/{patient}/lesions",
    "/lesions/{lesion}",
    "/lesions/{lesion}/compare",
    "/phones",
    "/pair",
    "/move/{image}",
    "/move-exam/{exam}",
    "/outbox",
    "/identities",
    "/patients/{patient}/identity",
    "/advice",
    "/advice/{advice}",
    "/patients/{patient}/images",
    "/patients/{patient}",
    "/patients/{patient}/beside",
    "/opened",
    "/worklist",
    "/day",
)
OPEN = {
    "/",
    "/healthz",
    "/readyz",
    "/enter",
    *PAGES,
    "/assets/{path}",
    "/sw.js",
    "/api/links",
    "/api/pair",
    "/IHEInvokeImageDisplay",
    "/api/invoked",
    "/embed/sans-verre-viewer.js",
}
KEY = b"k" * 32


def behind(app: Dispatcher) -> FastAPI:
    found = app._app
    assert isinstance(found, FastAPI)
    return found


def paths(routes: Iterable[object]) -> Iterator[str]:
    for route in routes:
        # FastAPI keeps the routers that were included, and flattens them when it answers.
        if (included := getattr(route, "original_router", None)) is not None:
            yield from paths(included.routes)
        else:
            assert isinstance(route, APIRoute), f"{route} is no route of ours"
            yield route.path


def templates(app: Dispatcher) -> Iterator[str]:
    yield from paths(behind(app).routes)
    yield from HOT_ROUTES


def example(template: str, image: str = "x") -> str:
    named = template.replace("{image}", image).replace("{exam}", image)
    return re.sub(r"\{\w+\}", "0", named)


def test_every_route_has_a_policy(app: Dispatcher) -> None:
    unstated = set(templates(app)) - set(POLICIES)
    assert unstated == set()


def test_every_policy_is_of_something_that_exists(app: Dispatcher) -> None:
    static = {
        "/",
        *PAGES,
        "/assets/{path}",
        "/sw.js",
        "/embed/sans-verre-viewer.js",
        "/favicon.svg",
        "/favicon.ico",
    }
    assert set(POLICIES) - static == set(templates(app))


def test_only_pages_and_health_are_open() -> None:
    open_ones = {template for template, role in POLICIES.items() if role is Role.PUBLIC}
    assert open_ones == OPEN | {"/favicon.svg", "/favicon.ico"}


def test_every_file_of_the_viewer_is_open() -> None:
    assert [address for address in read_viewer() if not is_public(address)] == []


def test_strangers_get_401_everywhere_else(web: Web, installation: Installation) -> None:
    image = installation.images["north"]
    for template, role in POLICIES.items():
        address = example(template, image)
        status = web.get(address).status_code
        if role is Role.PUBLIC:
            assert status != 401 or template == "/enter", address
        else:
            assert status == 401, address
    for address in ("/nothing", "/api/nothing", "/api/exams/", "/DEEPZOOM/x.dzi", "/docs/"):
        assert web.get(address).status_code == 401, address


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_strangers_get_401_by_other_methods(web: Web, method: str) -> None:
    for template, role in POLICIES.items():
        if role is not Role.PUBLIC:
            assert web.request(method, example(template)).status_code == 401


def test_a_route_without_policy_is_closed_to_readers(
    web: Web, app: Dispatcher, installation: Installation
) -> None:
    behind(app).add_api_route("/forgotten", lambda: "open")
    headers = installation.bearer(Role.READER)
    assert web.get("/forgotten", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/metrics", "/api/exams"])
def test_readers_are_let_in(reader: Web, path: str) -> None:
    assert reader.get(path).status_code == 200


def test_the_documentation_needs_nobody_else(reader: Web) -> None:
    page = reader.get("/docs").text
    assert "/deepzoom/{image}.dzi" in page
    assert "http://" not in page
    assert "https://" not in page
    document = reader.get("/openapi.json").json()
    assert set(document["paths"]) >= set(HOT_ROUTES) | {"/api/exams", "/api/images/{image}"}
    assert document["paths"]["/healthz"]["get"]["x-least-role"] == "public"


def test_roles_are_ordered() -> None:
    doors = Doors(KEY)
    reader, operator = (doors.caller(doors.issue(role)) for role in (Role.READER, Role.OPERATOR))
    require(operator, Role.READER)
    with pytest.raises(NotPermitted):
        require(reader, Role.CONTRIBUTOR)
    with pytest.raises(NotSignedIn):
        require(None, Role.READER)


def test_a_token_says_who_it_is_for() -> None:
    before = time.time()
    caller = Doors(KEY).caller(Doors(KEY).issue(Role.CONTRIBUTOR, "north", 60))
    assert (caller.role, caller.establishment) == (Role.CONTRIBUTOR, "north")
    assert before + 59 < caller.expires_at <= time.time() + 60


def test_a_token_expires_even_when_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = Doors(KEY)
    token = doors.issue(Role.READER, lasts_s=3600)
    assert doors.caller(token).role is Role.READER
    an_hour_on = SimpleNamespace(time=lambda: time.time() + 3600)
    monkeypatch.setattr("api.doors.time", an_hour_on)
    with pytest.raises(NotSignedIn):
        doors.caller(token)


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(NotSignedIn):
        Doors(KEY).caller(Doors(b"o" * 32).issue(Role.OPERATOR))


def test_a_signature_for_something_else_is_refused() -> None:
    claims = {"role": "operator", "establishment": None, "subject": "x", "expires_at": 2**33}
    with pytest.raises(NotSignedIn):
        Doors(KEY).caller(str(URLSafeTimedSerializer(KEY, salt="something else").dumps(claims)))


@pytest.mark.parametrize(
    "claims",
    [[], "operator", {}, {"role": "king"}, {"role": 3, "establishment": None}, {"role": None}],
)
def test_signed_nonsense_is_refused(claims: object) -> None:
    doors = Doors(KEY)
    signed = doors._signer.dumps(claims)
    with pytest.raises(NotSignedIn):
        doors.caller(str(signed))
    assert SALT in str(doors._signer.salt)


@given(place=st.integers(0, 300), letter=st.sampled_from("ABCxyz019_-."))
def test_a_token_with_any_letter_changed_is_refused(place: int, letter: str) -> None:
    doors = Doors(KEY)
    token = doors.issue(Role.READER, "north")
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    # The last letter of a base64 text carries bits that say nothing.
    if changed != token and place != len(token) - 1:
        with pytest.raises(NotSignedIn):
            doors.caller(changed)


def test_few_tokens_are_remembered() -> None:
    doors = Doors(KEY, remembered=3)
    tokens = [doors.issue(Role.READER) for _ in range(5)]
    assert [doors.caller(token).role for token in tokens] == [Role.READER] * 5
    assert list(doors._known) == tokens[2:]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer "},
        {"authorization": "Bearer \xe9"},
        {"authorization": "Basic dTpw"},
        {"cookie": "sansverre="},
        {"cookie": "other=1"},
        {"cookie": 'a=b; "; sansverre=; =='},
        {"cookie": "=;=;"},
    ],
)
def test_malformed_proof_is_no_proof(web: Web, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = web.get("/api/exams", headers=raw)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_cookie_counts_among_others(web: Web, installation: Installation) -> None:
    for cookie in (f"{COOKIE}={{}}", f"a=b; {COOKIE}={{}}; c=d"):
        headers = {"cookie": cookie.format(installation.token())}
        assert web.get("/api/exams", headers=headers).status_code == 200


def test_a_cookie_does_not_write_for_another_site(web: Web, installation: Installation) -> None:
    cookie = {"cookie": f"{COOKIE}={installation.token(Role.OPERATOR)}"}
    foreign = web.post("/api/exams", headers={**cookie, "origin": "http://elsewhere"})
    without = web.post("/api/exams", headers=cookie)
    own = web.post("/api/exams", headers={**cookie, "origin": ORIGIN})
    bearer = web.post("/api/exams", headers=installation.bearer(Role.OPERATOR))
    statuses = [answer.status_code for answer in (foreign, without, own, bearer)]
    assert statuses == [401, 401, 405, 405]


def test_cookies_are_kept_from_scripts_and_other_sites() -> None:
    plain = cookie_header("t", 60, secure=False)
    assert set(plain.split("; ")) == {
        f"{COOKIE}=t",
        "HttpOnly",
        "Max-Age=60",
        "Path=/",
        "SameSite=Strict",
    }
    assert "Secure" in cookie_header("t", 60, secure=True).split("; ")


def issue_key(settings: Settings, lasts_s: float = 60) -> str:
    with Catalog.open(settings.database_url) as catalog:
        expires = datetime.now(UTC) + timedelta(seconds=lasts_s)
        return catalog.issue_key({"role": "operator", "establishment": None}, expires)


def test_the_one_time_link_signs_in_once(web: Web, installation: Installation) -> None:
    key = issue_key(installation.settings)
    assert web.head("/enter", params={"key": key}).status_code == 405
    entered = web.get("/enter", params={"key": key})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert entered.headers["cache-control"] == "no-store"
    assert entered.headers["referrer-policy"] == "no-referrer"
    assert web.get("/api/exams").status_code == 200
    web.cookies.clear()
    again = web.get("/enter", params={"key": key})
    assert again.status_code == 401
    assert "set-cookie" not in again.headers
    assert "text/html" in again.headers["content-type"]
    assert web.get("/api/exams").status_code == 401


@pytest.mark.parametrize("query", ["", "?key=", "?key=%00", "?key=" + "x" * 5000, "?key=a&key=b"])
def test_wrong_keys_do_not_enter(web: Web, query: str) -> None:
    assert web.get(f"/enter{query}").status_code in {401, 422}


def test_an_expired_key_does_not_enter(web: Web, installation: Installation) -> None:
    key = issue_key(installation.settings, -1)
    assert web.get("/enter", params={"key": key}).status_code == 401


def test_one_of_many_processes_enters(installation: Installation) -> None:
    key, url = issue_key(installation.settings), installation.settings.database_url
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert sum(processes.map(redeemed, [url] * 2, [key] * 2)) == 1


def test_an_application_without_data_starts(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    settings = Settings(folder / "data", folder / "keys", f"sqlite:///{folder}/data/catalog.sqlite")
    with opened(create_app(settings)) as web:
        assert web.get("/readyz").status_code == 200
