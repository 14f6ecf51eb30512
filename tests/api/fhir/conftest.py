"""A small hospital and its neighbour, read by FHIR; every answer is judged by fhir.resources."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class

from api.app import create_app
from api.policies import Role
from api.settings import Settings, read_settings
from archive.cases.order import Numbered
from archive.catalog import Catalog
from archive.identities.ins import NIR, Ins, key_of
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.record import Image, ImageState
from archive.reports.report import PDF, ReportStatus
from archive.reports.said import Kept, ReportSaid
from tests.api.conftest import Installation, Web, opened
from tests.archive.conftest import ELSEWHERE, HERE, POSTGRESQL, digest, empty_database
from tests.archive.test_instances import kept

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = "2550814168025"
INS = Ins(f"{BODY}{key_of(BODY):02}", NIR)
FHIR = "application/fhir+json"


@dataclass(frozen=True)
class Hospital:
    """How it is set, its catalogue, and the keys of its patients and exams by their names."""

    settings: Settings
    catalog: Catalog
    keys: dict[str, str]
    exams: dict[str, str]


def stated(number: str, minutes: int = 0, ins: Ins | None = None, **traits: Any) -> Stated:
    at = NOON + timedelta(minutes=minutes)
    return Stated(number, "CHU", {"issuer_oid": "1.2.3.4", **traits}, at, "GAM", ins)


def published(catalog: Catalog, name: str, patient: PatientIdentity | None, **more: Any) -> Image:
    return catalog.advance(kept(catalog, name, patient, **more).id, ImageState.PUBLISHED)


def fill(catalog: Catalog) -> tuple[dict[str, str], dict[str, str]]:
    """Zoé, qualified; Luc, merged into another number of his; Héloïse next door; and nobody."""
    zoe, luc, old = (PatientIdentity(one, "CHU") for one in ("Z,1", "L|2", "L-OLD"))
    heloise = PatientIdentity("Z,1", "R", "LE GALL^Héloïse Anne", date(1950, 1, 2), "F")
    images = {
        "zoe": published(catalog, "zoe", zoe, accession="A1"),
        "luc": published(catalog, "luc", old, accession="A2", modality="DMS"),
        "heloise": published(catalog, "heloise", heloise, establishment=ELSEWHERE),
        "nobody": published(catalog, "nobody", None),
        "zoe again": published(catalog, "zoe again", zoe, modality="DMS"),
    }
    catalog.identities.state(
        HERE,
        stated(
            "Z,1",
            ins=INS,
            name="D'ALMÉIDA^ZOÉ",
            birth_name="DURAND^ZOÉ^LÉA",
            used_name="D'ALMÉIDA^ZOÉ",
            first_names="ZOÉ LÉA",
            birth_date=date(1955, 8, 14),
            sex="F",
            birthplace="2A004",
            status=Status.QUALIFIED,
        ),
    )
    traits: dict[str, Any] = {"birth_date": date(1950, 5, 5), "sex": "M", "name": "PETIT^LUC"}
    catalog.identities.state(HERE, stated("L-OLD", **traits))
    catalog.identities.state(HERE, stated("L|2", status=Status.PROVISIONAL, **traits))
    catalog.identities.merge(HERE, stated("L|2", 1, **traits), ("L-OLD", "CHU"))
    lesions = catalog.lesions
    keys = {
        "zoe": lesions.patient_key(zoe, establishment=HERE),
        "luc": lesions.patient_key(luc, establishment=HERE),
        "luc before": lesions.patient_key(old, establishment=HERE),
        "heloise": lesions.patient_key(heloise, establishment=ELSEWHERE),
    }
    fill_reports(catalog)
    return keys, {name: one.exam_id for name, one in images.items()}


def report(number: str, minutes: int, status: ReportStatus, **more: Any) -> ReportSaid:
    """A version of a report of Zoé's; nobody reads the document here."""
    key = f"{number}-{minutes}"
    whole = ReportSaid(
        HERE,
        Numbered(number, "LABO"),
        PatientIdentity("Z,1", "CHU"),
        status,
        NOON + timedelta(minutes=minutes),
        accession=Numbered("A1"),
        title="Compte rendu",
        code="11526-1",
        documents=(Kept(PDF, key, 1234, digest(key)),),
    )
    return replace(whole, **more)


def fill_reports(catalog: Catalog) -> None:
    """One of four versions: final, an addendum, a status alone, a correction; and one withdrawn."""
    keep = catalog.reports.keep
    keep(report("F1", 10, ReportStatus.AMENDED, is_addendum=True))
    keep(report("F1", 0, ReportStatus.FINAL))
    keep(report("F1", 20, ReportStatus.FINAL, documents=()))
    keep(report("F1", 30, ReportStatus.AMENDED, title="Compte rendu corrigé"))
    keep(report("F2", 0, ReportStatus.PRELIMINARY))
    keep(report("F2", 5, ReportStatus.WITHDRAWN, documents=()))


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param(POSTGRESQL, id="postgresql")] if POSTGRESQL else ["sqlite"],
)
def hospital(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    empty_catalogue: Path,
) -> Iterator[Hospital]:
    folder = tmp_path_factory.mktemp("hospital")
    with empty_database(request.param, folder) as url:
        if request.param == "sqlite":
            shutil.copy(empty_catalogue, folder / "catalog.sqlite")
        settings = read_settings(
            {
                "SANSVERRE_DATA": str(folder / "data"),
                "SANSVERRE_SECRETS": str(folder / "secrets"),
                "SANSVERRE_DATABASE": url,
            }
        )
        with Catalog.open(settings.database_url) as catalog:
            keys, exams = fill(catalog)
            yield Hospital(settings, catalog, keys, exams)


@pytest.fixture(
    params=["sqlite", pytest.param(POSTGRESQL, id="postgresql")] if POSTGRESQL else ["sqlite"]
)
def catalog(
    request: pytest.FixtureRequest, tmp_path: Path, empty_catalogue: Path
) -> Iterator[Catalog]:
    """With an exam of Zoé's, to which the reports belong."""
    with empty_database(request.param, tmp_path) as url:
        if request.param == "sqlite":
            shutil.copy(empty_catalogue, tmp_path / "catalog.sqlite")
        with Catalog.open(url) as opened:
            published(opened, "zoe", PatientIdentity("Z,1", "CHU"), accession="A1")
            yield opened


class Judged:
    """A client that takes no answer of FHIR's which is not a resource as R4 has it."""

    def __init__(self, web: Web) -> None:
        self.web = web

    def get(self, address: str, status: int = 200, **options: Any) -> dict[str, Any]:
        return judged(self.web.get(f"/fhir/{address}", **options), status)

    def post(self, kind: str, form: dict[str, str], status: int = 200) -> dict[str, Any]:
        return judged(self.web.post(f"/fhir/{kind}/_search", data=form), status)

    def found(self, kind: str, **parameters: str) -> set[str]:
        """The ids of what is found, by any page."""
        asked = {name.replace("__", ":"): value for name, value in parameters.items()}
        ids: list[str] = []
        bundle = self.get(kind, params=asked)
        while True:
            ids += [one["resource"]["id"] for one in matches(bundle)]
            following = link(bundle, "next")
            if following is None:
                assert len(ids) == len(set(ids))
                return set(ids)
            bundle = self.get(following.partition("/fhir/")[2])


def matches(bundle: dict[str, Any], mode: str = "match") -> list[dict[str, Any]]:
    return [one for one in bundle.get("entry", []) if one["search"]["mode"] == mode]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def judged(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].partition(";")[0] == FHIR
    told: dict[str, Any] = answer.json()
    model = get_fhir_model_class(told["resourceType"])
    assert model.model_validate(told).get_resource_type() == told["resourceType"]
    if status >= 400:
        assert told["resourceType"] == "OperationOutcome"
    return told


@pytest.fixture(scope="module")
def web(hospital: Hospital) -> Iterator[Web]:
    with opened(create_app(hospital.settings)) as client:
        yield client


def signed_in(web: Web, hospital: Hospital, establishment: str | None) -> Judged:
    doors = Installation(hospital.settings, {}, {})
    web.headers.update(doors.bearer(Role.READER, establishment))
    return Judged(web)


@pytest.fixture
def fhir(web: Web, hospital: Hospital) -> Judged:
    """A reader of the hospital."""
    return signed_in(web, hospital, HERE)
