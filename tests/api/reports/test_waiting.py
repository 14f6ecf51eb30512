"""A report that names another patient than its order waits for a physician."""

from api.doors import Doors
from api.hl7.exchange import Exchange
from api.policies import Role
from api.settings import signing_key
from tests.api.conftest import reading
from tests.api.hl7.conftest import GAM, HERE
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_reports import ed, oru
from tests.api.reports.conftest import PDF_OF_TWO, QUALIFIED, Lab


def test_one_that_waits_shows_both_and_is_filed_by_a_physician(lab: Lab) -> None:
    other = QUALIFIED.replace("77^", "78^").replace("ESSAI^Zoé", "DURAND^Jeanne")
    sent = oru(ed(PDF_OF_TWO), number="w", pid=other, filler="F7^LABO")
    assert b"a report waits" in Exchange(lab.place, (GAM,)).answer(sent, LOCAL)
    with reading(lab.settings, HERE) as web:
        physician, contributor = (
            {"authorization": f"Bearer {Doors(signing_key(lab.settings)).issue(role, HERE)}"}
            for role in (Role.PHYSICIAN, Role.CONTRIBUTOR)
        )
        (one,) = web.get("/api/reports/waiting", headers=contributor).json()["reports"]
        assert (one["why"], one["named"]["patient_id"]) == ("other-patient", "78")
        assert [each["patient_id"] for each in one["ordered"]] == ["77"]
        address = f"/api/reports/{one['id']}/file"
        assert web.post(address, headers=contributor).status_code == 403
        assert web.post(address, headers=physician).status_code == 204
        assert web.post(address, headers=physician).status_code == 404
        assert web.get("/api/reports/waiting", headers=contributor).json() == {"reports": []}
        told = web.get(f"/api/exams/{lab.pdf.exam_id}/reports").json()["reports"]
        assert "F7" in {each["number"] for each in told}
