"""What the demonstration's laboratory sends is a case of the sample slides and its reports."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.establishment import ESTABLISHMENT
from api.settings import read_settings
from api.work import open_workplace
from archive.reports.report import ReportStatus
from tests.samples.laboratory import ACCESSION, GLASSES, PATIENT, label, send


def test_a_case_expects_the_sample_slides_by_their_labels(
    tmp_path: Path, empty_catalogue: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(empty_catalogue, data)
    own = {"SANSVERRE_DATA": str(data), "SANSVERRE_SECRETS": str(tmp_path / "secrets")}
    now = datetime.now(UTC)
    with open_workplace(read_settings(own)) as place:
        send(place, now)
        cases, reports = place.catalog.cases, place.catalog.reports
        (case,) = cases.list_cases(establishment=ESTABLISHMENT, since=now - timedelta(days=1))
        assert (case.expected, case.scanned) == (len(GLASSES), 0)
        for number in range(1, len(GLASSES) + 1):
            known = cases.expected(ESTABLISHMENT, [label(number)])
            assert known is not None
            assert (known.patient, known.accession_number) == (PATIENT, ACCESSION.number)
        said = reports.of_number(ACCESSION.issuer, ACCESSION.number, establishment=ESTABLISHMENT)
        assert [one.status for one in said] == [ReportStatus.FINAL, ReportStatus.PRELIMINARY]
        assert reports.waiting(establishment=ESTABLISHMENT) == ()
        day = cases.day.between(now, now + timedelta(hours=1), establishment=ESTABLISHMENT)
        assert [one.patient for one in day] == [PATIENT]
