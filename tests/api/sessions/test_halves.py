"""What is said of a photograph by halves, kept until it is stated whole."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.sessions.conftest import ANNE, FOREARM, Phone, photo

pytestmark = pytest.mark.places


def test_halves_are_kept_until_a_picture_is_stated_whole(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    for seed in range(2):
        phone.shoot(session, photo(tmp_path, seed), f"{seed}.jpg")
    overview, image = phone.images(session)
    phone.sort(session, overview, view="overview")
    new = {**FOREARM, "patient": phone.see(session)["patient"]["key"], "first_seen": "2025-03-01"}
    lesion = phone.web.post("/api/lesions", json=new).json()["id"]
    pins = f"/api/sessions/{session}/photographs/{overview}/pins"
    assert phone.web.request("PUT", pins, json=[{"lesion": lesion, "x": 0, "y": 1}]).is_success

    used: dict[str, Any] = {"polarization": "POLARIZED", "contact": None, "immersion": "WATER"}
    used |= {"magnification": 10, "colour_temperature_k": None}
    half: dict[str, Any] = {
        "view": "dermoscopy",
        "site": "70559009",
        "lesion": lesion,
        "phototype": 2,
        "mm_per_pixel": [0.05, 0.05],
    }
    told = phone.begin_to_sort(session, image, **half, dermoscopy=used, kept_despite=True)
    # Immersion says that the dermoscope touched the skin.
    assert told["partial"] == {**half, "side": None, "dermoscopy": {**used, "contact": "CONTACT"}}
    assert (told["view"], told["site"], told["kept_despite"]) == (None, None, True)
    refused = phone.send(session)
    assert (refused.status_code, refused.json()["unstated"]) == (409, [image])

    whole = phone.sort(session, image, **half, dermoscopy=used)
    assert (whole["partial"], whole["overview"]) == (None, overview)
    # What is said by halves of an overview leaves no pin of it, and no picture refers to it.
    phone.begin_to_sort(session, overview, view="close-up")
    told = {one["image"]: one for one in phone.see(session)["photographs"]}
    assert (told[overview]["pins"], told[image]["overview"]) == ([], None)
    phone.sort(session, overview, view="close-up")
    assert phone.send(session).status_code == 200
    phone.work()
    header = phone.header(image)
    assert (header.LightSourcePolarization, header.ContactMethod) == ("POLARIZED", "CONTACT")
    assert (header.ImmersionMedia, header.OpticalMagnificationFactor) == ("WATER", 10)
    assert [float(one) for one in header.PixelSpacing] == [0.05, 0.05]
    (context,) = header.AcquisitionContextSequence
    assert context.ConceptCodeSequence[0].CodeMeaning == "Fitzpatrick Skin Type II"
    late = phone.web.request(
        "PUT", f"/api/sessions/{session}/photographs/{image}/partial", json={"view": "overview"}
    )
    assert late.status_code == 409


def test_a_half_says_nothing_that_no_whole_could(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    phone.shoot(session, photo(tmp_path))
    (image,) = phone.images(session)
    other = phone.see(phone.begin(patient={**ANNE, "patient_id": "2", "name": "DOE^BRUNO"}))
    new = {**FOREARM, "patient": other["patient"]["key"], "first_seen": "2025-03-01"}
    theirs = phone.web.post("/api/lesions", json=new).json()["id"]
    for half, status in (
        ({"lesion": theirs}, 404),
        ({"lesion": theirs, "view": "overview"}, 422),
        ({"side": "L"}, 422),
        ({"site": "70559009", "side": "U"}, 422),
        ({"site": "no such code"}, 422),
        ({"phototype": 7}, 422),
        ({"view": "close-up", "dermoscopy": {}}, 422),
        ({"view": "portrait"}, 422),
    ):
        address = f"/api/sessions/{session}/photographs/{image}/partial"
        assert phone.web.request("PUT", address, json=half).status_code == status, half
    assert phone.see(session)["photographs"][0]["partial"] is None
