"""The JSON that leaves, to whom, and how errors are told."""

import json
import logging
from http import HTTPStatus
from pathlib import Path

import pytest

import api.errors
import archive.errors
import tiles.errors
from api.app import create_app
from api.dispatch import Dispatcher
from api.errors import DETAILS, STATUSES, problem
from api.policies import Role
from api.settings import Settings
from api.static import read_viewer
from tests.api.conftest import Installation, Web, opened


def test_exams_as_the_viewer_reads_them(reader: Web, installation: Installation) -> None:
    told = reader.get("/api/exams").json()
    assert told["next"] is None
    (exam,) = told["exams"]
    image = installation.images["north"]
    assert exam == {
        "id": installation.exams["north"],
        "patient": {
            "name": "SPECIMEN^ONE",
            "patient_id": "1",
            "issuer": "registry",
            "birth_date": "1970-01-01",
            "sex": "F",
        },
        "patient_key": exam["patient_key"],
        "accession_number": "A1",
        "issuer": None,
        "is_provisional": False,
        "study_instance_uid": exam["study_instance_uid"],
        "created_at": exam["created_at"],
        "establishment": "north",
        "images": [
            {
                "id": image,
                "kind": "slide",
                "width": 1100,
                "height": 700,
                "state": "published",
                "viewable": True,
                "older": False,
                "thumbnail": f"/images/{image}/thumbnail",
                "covered": None,
            }
        ],
    }
    assert exam["study_instance_uid"].startswith("2.25.")
    assert reader.get(f"/api/exams/{exam['id']}").json() == exam


def test_an_image_as_the_viewer_reads_it(reader: Web, installation: Installation) -> None:
    image = installation.images["north"]
    told = reader.get(f"/api/images/{image}").json()
    assert (told["width"], told["height"], told["tile_size"]) == (1100, 700, 240)
    assert told["levels"] == [
        {"width": 1100, "height": 700},
        {"width": 550, "height": 350},
        {"width": 275, "height": 175},
        {"width": 138, "height": 88},
    ]
    assert told["mpp_um"] == [0.5, 0.5]
    assert told["format"] == "svs"
    assert told["exam"] == installation.exams["north"]
    assert told["deepzoom"] == f"/deepzoom/{image}.dzi"
    assert told["files"]["label"] == f"/images/{image}/label"
    assert told["siblings"] == []
    assert len(told["source_sha256"]) == 64


def test_callers_are_told_what_they_may_do(web: Web, installation: Installation) -> None:
    for role, establishment in ((Role.READER, "north"), (Role.OPERATOR, None)):
        headers = installation.bearer(role, establishment)
        told = web.get("/api/me", headers=headers).json()
        assert told.pop("expires_at")
        assert told == {
            "role": role.name.lower(),
            "establishment": establishment,
            "phone": None,
            "session": None,
        }


def test_pages_of_exams(web: Web, installation: Installation) -> None:
    web.headers.update(installation.bearer(Role.OPERATOR))
    first = web.get("/api/exams", params={"limit": 1}).json()
    second = web.get("/api/exams", params={"limit": 1, "after": first["next"]}).json()
    establishments = [one["exams"][0]["establishment"] for one in (first, second)]
    assert sorted(establishments) == ["north", "south"]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=201", "after=%00", "after=x"])
def test_malformed_questions_are_told_so(reader: Web, query: str) -> None:
    answer = reader.get(f"/api/exams?{query}")
    assert answer.status_code in {200, 404, 422}
    if query.startswith("limit"):
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_another_establishment_sees_what_a_wrong_address_shows(
    reader: Web, installation: Installation
) -> None:
    """Word for word: that something exists elsewhere is not told, either."""
    image, exam = installation.images["south"], installation.exams["south"]
    addresses = [
        ("/api/images/{}", image),
        ("/api/exams/{}", exam),
        ("/deepzoom/{}.dzi", image),
        ("/deepzoom/{}_files/11/1_1.jpeg", image),
        ("/images/{}/thumbnail", image),
        ("/images/{}/label", image),
    ]
    # The operator opens it first: what one has open is no way in for another.
    operator = installation.bearer(Role.OPERATOR)
    for address, there in addresses:
        assert reader.get(address.format(there), headers=operator).status_code == 200
        foreign = reader.get(address.format(there))
        absent = reader.get(address.format("f" * len(there)))
        assert foreign.status_code == absent.status_code == 404
        assert foreign.content == absent.content
        assert foreign.headers == absent.headers


def test_health_is_told_to_anyone(web: Web) -> None:
    assert web.get("/healthz").json()["status"] == "ok"
    assert web.get("/readyz").status_code == 200


def test_readiness_fails_without_a_catalogue(tmp_path: Path) -> None:
    database = tmp_path / "data" / "catalog.sqlite"
    settings = Settings(tmp_path / "data", tmp_path / "keys", f"sqlite:///{database}")
    app = create_app(settings)
    app._sources._catalog.close()
    for file in database.parent.glob("catalog.sqlite*"):
        file.write_bytes(b"no database" * 1000)
    with opened(app) as web:
        answer = web.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert web.get("/healthz").status_code == 200


def test_answers_about_patients_are_kept_by_no_cache(
    reader: Web, installation: Installation
) -> None:
    for address in (
        "/api/exams",
        f"/api/exams/{installation.exams['north']}",
        f"/api/images/{installation.images['north']}",
        "/api/exams?limit=x",
        "/docs",
        "/healthz",
    ):
        assert reader.get(address).headers["cache-control"] == "no-store"


def test_the_methods_allowed_are_the_routes_own(reader: Web) -> None:
    answer = reader.head("/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert reader.post("/").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("lost", ["catalog.sqlite", "objects"])
def test_readiness_fails_where_files_are_gone_or_others(tmp_path: Path, lost: str) -> None:
    data = tmp_path / "data"
    settings = Settings(data, tmp_path / "keys", f"sqlite:///{data}/catalog.sqlite")
    with opened(create_app(settings)) as web:
        assert web.get("/readyz").status_code == 200
        (data / lost).rename(data / "elsewhere")
        assert web.get("/readyz").status_code == 503
        (data / lost).touch()
        assert web.get("/readyz").status_code == 503
        (data / lost).unlink()
        (data / "elsewhere").rename(data / lost)
        assert web.get("/readyz").status_code == 200


def test_a_fault_is_told_without_its_text(
    web: Web, app: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("DOE^JANE was here")

    app._doors.admit = fail  # type: ignore[assignment,method-assign]
    with caplog.at_level(logging.INFO):
        answer = web.get("/deepzoom/x.dzi")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }
    assert "DOE" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_metrics_name_no_image(reader: Web, installation: Installation) -> None:
    image = installation.images["north"]
    reader.get(f"/deepzoom/{image}.dzi")
    told = reader.get("/metrics").text
    assert 'sansverre_requests_total{route="/deepzoom/{image}.dzi",status="200"}' in told
    assert image not in told
    assert installation.exams["north"] not in told


def leaves(kind: type[Exception]) -> list[type[Exception]]:
    return [leaf for one in kind.__subclasses__() for leaf in leaves(one)] or [kind]


TREES = (api.errors.ApiError, archive.errors.ArchiveError, tiles.errors.TilesError)


@pytest.mark.parametrize("leaf", [leaf for tree in TREES for leaf in leaves(tree)])
def test_every_error_is_drawn_and_has_a_builtin(leaf: type[Exception]) -> None:
    module = __import__(leaf.__module__, fromlist=["__doc__"])
    assert leaf.__name__ in (module.__doc__ or "")
    assert any(
        base.__module__ == "builtins" and base is not Exception for base in leaf.__mro__[1:-3]
    )


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_every_status_of_the_table(kind: type[Exception], status: HTTPStatus) -> None:
    told = problem(kind("secret"))
    document = json.loads(told.body)
    assert told.status is status
    assert document["status"] == status
    assert document["title"] == status.phrase
    # What is said of a query repeats nothing of it.
    is_told = kind is archive.errors.InvalidQuery
    assert document["detail"] == ("secret" if is_told else DETAILS[status])
    assert (b"secret" in told.body) is is_told


def test_anything_else_is_a_500() -> None:
    assert problem(tiles.errors.DamagedInstance("x")).status == 500
    assert problem(KeyError("x")).status == 500


def test_the_viewer_is_served_or_its_absence_explained(web: Web) -> None:
    answers = [web.get(address) for address in ("/", "/exam/1", "/view/1")]
    assert len({answer.content for answer in answers}) == 1
    viewer = read_viewer()
    assert answers[0].status_code == (200 if viewer else 503)
    assert "text/html" in answers[0].headers["content-type"]
    assert web.post("/").status_code == 405 if viewer else True


def test_built_files_are_kept_for_ever_and_the_page_is_not(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "assets" / "main-1a2b.js").write_text("0")
    viewer = read_viewer(tmp_path)
    assert set(viewer) == {"/", "/assets/main-1a2b.js"}
    assert viewer["/"].headers["cache-control"] == "no-cache"
    assert "immutable" in viewer["/assets/main-1a2b.js"].headers["cache-control"]
    assert viewer["/assets/main-1a2b.js"].headers["content-type"].startswith("text/javascript")


def test_a_missing_build_is_explained(tmp_path: Path) -> None:
    from api.static import MISSING

    assert read_viewer(tmp_path) == {}
    assert b"make setup" in MISSING.body
