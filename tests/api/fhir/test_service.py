"""What FHIR asks of every answer: errors, versions, forms; and what is never told."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from api.app import create_app
from api.doors import Doors
from api.fhir import paging, searching
from api.policies import Role
from api.settings import read_settings, signing_key
from archive.catalog import Catalog
from tests.api.conftest import Installation, Web, opened
from tests.api.fhir.conftest import FHIR, Hospital, Judged, judged, link, matches
from tests.archive.conftest import HERE


def test_what_can_be_done_is_stated(fhir: Judged) -> None:
    told = fhir.get("metadata")
    assert (told["fhirVersion"], told["kind"]) == ("4.0.1", "instance")
    assert "xml" not in " ".join(told["format"])
    resources = {one["type"]: one for one in told["rest"][0]["resource"]}
    assert set(resources) == {"Patient", "ImagingStudy", "DiagnosticReport", "Endpoint"}
    for kind, one in resources.items():
        for parameter in one["searchParam"]:
            # Whatever is stated is heeded, by who insists that nothing is left out.
            value = {"date": "2026", "reference": "nobody"}.get(parameter["type"], "nobody")
            asked = {parameter["name"]: value}
            fhir.get(kind, params=asked, headers={"prefer": "handling=strict"})
        for name in (*one.get("searchInclude", ()), *one.get("searchRevInclude", ())):
            way = "_include" if name in one.get("searchInclude", ()) else "_revinclude"
            fhir.get(kind, params={way: name}, headers={"prefer": "handling=strict"})


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("Patient/nobody", 404, "not-found"),
        ("Patient/a%00b", 404, "not-found"),
        ("DiagnosticReport/a%00b/_history", 404, "not-found"),
        ("Practitioner/1", 404, "not-found"),
        ("Patient?birthdate=yesterday", 400, "invalid"),
        ("Patient?identifier=a|b|c", 400, "invalid"),
        ("Patient?family:near=a", 400, "invalid"),
        ("Patient?_count=plenty", 400, "invalid"),
        ("Patient?_page=nonsense", 400, "invalid"),
        ("Patient?_summary=maybe", 400, "invalid"),
        ("Patient?family=%00", 400, "invalid"),
        (f"Patient?family={'a' * 3000}&given={'a' * 3000}", 400, "invalid"),
        (f"Patient?{'family=a&' * 51}", 400, "invalid"),
        ("Patient?_format=xml", 406, "not-supported"),
        ("metadata?_format=text/turtle", 406, "not-supported"),
    ],
)
def test_every_error_is_an_operation_outcome(
    fhir: Judged, address: str, status: int, code: str
) -> None:
    told = fhir.get(address, status)
    (issue,) = told["issue"]
    assert (issue["severity"], issue["code"]) == ("error", code)
    assert not {"yesterday", "nonsense", "plenty"} & set(issue["diagnostics"].split())


def test_the_doors_answer_as_fhir_has_it(web: Web, fhir: Judged) -> None:
    nobody = {"authorization": "Bearer nothing"}
    for address in ("/fhir/Patient", "/fhir/metadata", "/fhir/nothing", "/fhir"):
        told = judged(web.get(address, headers=nobody), 401)
        assert told["issue"][0]["code"] == "login"
    forbidden = web.request("DELETE", "/fhir/Patient/x")
    assert judged(forbidden, 405)["issue"][0]["code"] == "not-supported"
    wrong = web.post("/fhir/Patient/_search", content=b"{}", headers={"content-type": FHIR})
    assert judged(wrong, 415)["issue"][0]["code"] == "not-supported"
    large = {"content-type": "application/x-www-form-urlencoded"}
    body = b"family=" + b"a" * 70_000
    assert judged(web.post("/fhir/Patient/_search", content=body, headers=large), 413)
    # Elsewhere it is told as before.
    assert web.get("/api/nothing").headers["content-type"] == "application/problem+json"


def test_a_link_to_one_image_opens_no_resource(web: Web, hospital: Hospital) -> None:
    token = Doors(signing_key(hospital.settings)).issue(Role.READER, HERE, image="x")
    for address in ("Patient", "metadata", f"Patient/{hospital.keys['zoe']}"):
        answer = web.get(f"/fhir/{address}", headers={"authorization": f"Bearer {token}"})
        assert judged(answer, 403)["issue"][0]["code"] == "forbidden"


def test_what_is_not_known_is_left_out_or_refused(fhir: Judged) -> None:
    asked = {"family": "durand", "favourite-colour": "red", "_include": "Patient:organization"}
    lenient = fhir.get("Patient", params=asked)
    assert lenient["total"] == 1
    (outcome,) = matches(lenient, "outcome")
    (issue,) = outcome["resource"]["issue"]
    assert issue["severity"] == "warning"
    assert "favourite-colour, _include" in issue["diagnostics"]
    assert "red" not in issue["diagnostics"]
    itself = link(lenient, "self") or ""
    assert ("family=durand" in itself, "favourite" in itself) == (True, False)
    strict = {"prefer": "return=minimal, handling=strict"}
    assert fhir.get("Patient", 400, params=asked, headers=strict)


def test_a_version_is_held(fhir: Judged, hospital: Hospital) -> None:
    address = f"/fhir/Patient/{hospital.keys['zoe']}"
    first = fhir.web.get(address)
    tag = first.headers["etag"]
    assert tag == f'W/"{first.json()["meta"]["versionId"]}"'
    for held in (tag, tag.removeprefix("W/"), f'"x", {tag}'):
        again = fhir.web.get(address, headers={"if-none-match": held})
        assert (again.status_code, again.content) == (304, b"")
    assert fhir.web.get(address, headers={"if-none-match": '"x"'}).status_code == 200
    part = {"_elements": "name"}
    assert fhir.web.get(address, params=part, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/fhir+json", FHIR),
        ("application/fhir+json; fhirVersion=4.0", FHIR),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", FHIR),
        ("application/fhir+xml;q=0.9, application/fhir+json;q=0.5", FHIR),
        ("application/fhir+xml", None),
    ],
)
def test_json_is_told_to_who_takes_it(fhir: Judged, accept: str, expected: str | None) -> None:
    answer = fhir.web.get("/fhir/Endpoint/wado-rs", headers={"accept": accept})
    if expected is None:
        assert judged(answer, 406)
    else:
        assert answer.headers["content-type"] == expected
    by_name = {"_format": "application/fhir+json", "_pretty": "true"}
    named = fhir.web.get("/fhir/Endpoint/wado-rs", params=by_name, headers={"accept": accept})
    assert (named.status_code, named.text[:4]) == (200, "{\n  ")


def test_pages_are_told_as_the_first_one_was(fhir: Judged) -> None:
    nothing_of_ours = {"accept": "text/html"}
    asked = {"_format": "json", "_pretty": "true", "_count": "1"}
    for first in (
        fhir.web.get("/fhir/Patient", params=asked, headers=nothing_of_ours),
        fhir.web.post("/fhir/Patient/_search", data=asked, headers=nothing_of_ours),
    ):
        for relation in ("self", "next"):
            address = (link(judged(first, 200), relation) or "").removeprefix("http://test")
            page = fhir.web.get(address, headers=nothing_of_ours)
            assert judged(page, 200)["entry"]
            assert page.text.startswith("{\n  ")


def test_no_line_is_written_of_what_is_looked_for(
    fhir: Judged, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        for asked in ({"identifier": "SECRET"}, {"birthdate": "SECRET"}, {"_page": "SECRET"}):
            fhir.web.get("/fhir/Patient", params=asked)
            fhir.web.post("/fhir/Patient/_search", data=asked)
        fhir.web.get("/fhir/Patient/SECRET")
    # The client of these tests tells of its own requests.
    ours = [one for one in caplog.records if not one.name.startswith(("httpx", "httpcore"))]
    assert "SECRET" not in " ".join(one.getMessage() for one in ours)
    assert "SECRET" not in "".join(capfd.readouterr())


def test_a_page_is_for_one_caller_and_an_hour(
    fhir: Judged, web: Web, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = link(fhir.get("Patient", params={"_count": "1"}), "next") or ""
    address = following.partition("/fhir/")[2]
    assert fhir.get(address)
    assert fhir.get(address.replace("Patient", "ImagingStudy"), 400)
    doors = Installation(hospital.settings, {}, {})
    for establishment in (HERE, "Hôpital B", None):
        others = doors.bearer(Role.READER, establishment)
        assert fhir.get(address, 400, headers=others)
    assert fhir.get(f"{address[:-9]}AAAAAAAA=", 400)
    monkeypatch.setattr(paging, "LASTS_S", -10)
    assert fhir.get(address, 410)["issue"][0]["code"] == "expired"


def test_who_asks_for_too_much_at_once_is_told_so(
    fhir: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_INCLUDED", 1)
    asked = {"_revinclude": "ImagingStudy:patient"}
    bundle = fhir.get("Patient", params=asked)
    assert len(matches(bundle, "include")) == 1
    (cut,) = matches(bundle, "outcome")
    assert cut["resource"]["issue"][0]["code"] == "incomplete"


@contextmanager
def statements(catalog: Catalog) -> Iterator[list[str]]:
    asked: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            asked.append(statement)

    engine = catalog._database._engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", hear)


@pytest.mark.parametrize(
    ("address", "queries"),
    [
        ("Patient", 1),
        ("Patient?patient.identifier=x&identifier=CHU|L-OLD", 1),
        ("Patient?_revinclude=ImagingStudy:patient&_revinclude=DiagnosticReport:patient", 3),
        ("ImagingStudy", 1),
        ("ImagingStudy?patient.identifier=CHU|L-OLD&modality=DMS&started=ge2026", 1),
        ("ImagingStudy?_include=*&_revinclude=DiagnosticReport:study", 3),
        ("ImagingStudy?_count=1&_total=accurate", 2),
        ("DiagnosticReport", 1),
        ("DiagnosticReport?_include=*", 3),
        ("Endpoint", 1),
        ("Patient?_summary=count", 1),
    ],
)
def test_a_page_is_one_query_and_one_for_what_comes_along(
    hospital: Hospital, address: str, queries: int
) -> None:
    app = create_app(hospital.settings)
    catalog = app._app.state.catalog  # type: ignore[attr-defined]
    with opened(app) as web:
        doors = Installation(hospital.settings, {}, {})
        web.headers.update(doors.bearer(Role.READER, HERE))
        with statements(catalog) as asked:
            assert web.get(f"/fhir/{address}").json()["resourceType"] == "Bundle"
    assert len(asked) == queries


def test_an_installation_with_nothing_in_it_finds_nothing(tmp_path: Any) -> None:
    settings = read_settings(
        {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "secrets")}
    )
    with opened(create_app(settings)) as web:
        web.headers.update(Installation(settings, {}, {}).bearer(Role.READER, HERE))
        for kind in ("Patient", "ImagingStudy", "DiagnosticReport"):
            assert Judged(web).get(kind)["total"] == 0
