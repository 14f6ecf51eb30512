"""A laboratory's case with a report in three versions, put inside instances."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.hl7.exchange import Exchange
from api.reporting import Reporting
from api.settings import Settings, read_settings
from api.work import Workplace, open_workplace
from archive.cases.laboratory import Laboratory
from archive.reports.report import Report
from tests.api.conftest import Web, reading
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import PID, o21
from tests.api.hl7.test_reports import SOUND, ed, oru
from tests.samples.report import cda, pdf

QUALIFIED = PID.replace("270019999999999", SOUND) + "||" + "|" * 22 + "QUAL"
PDF_OF_TWO = pdf("Premier", "Second")
CDA_OF_ALL = cda(ins=SOUND)


@dataclass(frozen=True)
class Lab:
    """Where the case is, and its reports, the newest version first."""

    settings: Settings
    place: Workplace
    reports: tuple[Report, ...]

    @property
    def text(self) -> Report:
        return self.reports[2]

    @property
    def pdf(self) -> Report:
        return self.reports[1]

    @property
    def cda(self) -> Report:
        return self.reports[0]


def made(place: Workplace) -> None:
    """Every report that waits is put inside an instance."""
    reporting = Reporting()
    while reporting.some(place):
        pass


def filled(place: Workplace) -> None:
    """An order, and a report in three versions, the first of which comes last."""
    place.catalog.cases.declare({HERE: Laboratory("LABO")})
    words = "OBX|1|TX|1^Conclusion||Nævus bénin, à confirmer.||||||P"
    exchange = Exchange(place, (GAM,))
    for one in (
        message("ADT^A28", "EVN||20260301070000", QUALIFIED, control="A1"),
        o21("A"),
        oru(ed(PDF_OF_TWO), number="b", at="20260301090000"),
        oru(ed(CDA_OF_ALL, "XML", "C"), state="C", number="c", at="20260301100000"),
        oru(words, state="P", number="a", at="20260301080000"),
    ):
        assert b"MSA|AA|" in exchange.answer(one, LOCAL)
    made(place)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, empty_catalogue: Path) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "data").mkdir(mode=0o700)
    shutil.copy(empty_catalogue, folder / "data")
    settings = read_settings(
        {"SANSVERRE_DATA": str(folder / "data"), "SANSVERRE_SECRETS": str(folder / "keys")}
    )
    with open_workplace(settings) as place:
        filled(place)
        found = place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)
        yield Lab(settings, place, found)


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Web]:
    with reading(lab.settings, HERE) as opened:
        yield opened
