"""Instances are stored by DICOMweb: each told of by itself, found at once, and never held whole."""

import asyncio
import gzip
import io
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from PIL import Image
from pydicom import dcmread
from starlette.types import Message

from api.dicomweb import retrieved, search, stow
from api.dicomweb.stow import Store, store_answer
from api.doors import Doors
from api.errors import TooSlow
from api.instances.acceptance import Acceptance
from api.policies import Role
from api.settings import Settings, signing_key
from api.work import Workplace
from archive.errors import NoRoom
from archive.query import Query
from archive.received.outcome import Failure
from tests.api.conftest import Web
from tests.api.instances.conftest import NORTH, Make
from tests.api.instances.stored import (
    BOUNDARY,
    DICOM,
    ROOT,
    TYPE,
    body_of,
    failures,
    in_blocks,
    kept,
    others,
    store,
)
from tests.samples.dicom_slides import Made


def left_over(settings: Settings) -> list[str]:
    """Files of requests that are over."""
    received = settings.data / "objects" / "received"
    return [one.name for one in received.rglob("*.dcm")]


def test_a_mixed_batch_is_told_of_one_by_one(web: Web, make: Make, settings: Settings) -> None:
    level, small = make("level"), make("small", 150, 100)
    other = make("other", seed=1, StudyInstanceUID="1.2.3.4")
    named = dcmread(level)
    cut = small.read_bytes()[:-100]
    answer = store(web, [level.read_bytes(), cut, b"no DICOM", other.read_bytes()])
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/dicom+json"
    study = f"http://test{ROOT}/{named.StudyInstanceUID}"
    series = f"{study}/series/{named.SeriesInstanceUID}"
    assert kept(answer) == {named.SOPInstanceUID: f"{series}/instances/{named.SOPInstanceUID}"}
    assert answer.json()["00081190"]["Value"] == [study]
    sent = [dcmread(one) for one in (small, other)]
    assert failures(answer) == {
        sent[0].SOPInstanceUID: Failure.CANNOT_UNDERSTAND,
        sent[1].SOPInstanceUID: Failure.DOES_NOT_MATCH,
    }
    assert others(answer) == [Failure.CANNOT_UNDERSTAND]
    # What was told as kept is found, and read as it was sent.
    found = web.get(f"{ROOT}/{named.StudyInstanceUID}/instances").json()
    assert [one["00080018"]["Value"][0] for one in found] == [named.SOPInstanceUID]
    file = web.get(next(iter(kept(answer).values())), headers={"accept": DICOM})
    assert file.status_code == 200
    read = dcmread(io.BytesIO(file.content))
    assert read.PixelData == named.PixelData
    assert read.file_meta.TransferSyntaxUID == named.file_meta.TransferSyntaxUID
    assert left_over(settings) == []


def test_levels_that_come_later_are_read_at_once(web: Web, make: Make, place: Workplace) -> None:
    """Nobody is told for a while what the image was before."""
    small, level = make("small", 150, 100), make("level")
    assert store(web, [small.read_bytes()]).status_code == 200
    (image,) = {
        one.image_id for one in place.catalog.instances.instances(Query(), establishment="north")
    }
    assert web.get(f"/api/images/{image}").json()["width"] == 150
    tile = web.get(f"/deepzoom/{image}_files/8/0_0.jpeg")
    assert (tile.status_code, tile.headers["cache-control"]) == (200, "private, no-cache")
    frames = store(web, [level.read_bytes()])
    (address,) = kept(frames).values()
    assert web.get(f"{address}/frames/1", headers={"accept": "image/jpeg"}).status_code == 200
    assert web.get(f"/deepzoom/{image}.dzi").text.count('Width="300"') == 1


def test_a_label_is_found_before_its_slide(web: Web, make: Make) -> None:
    label = make("label", 100, 100, Made("LABEL"))
    answer = store(web, [label.read_bytes()])
    assert answer.status_code == 200
    (address,) = kept(answer).values()
    assert web.get(f"{address}/frames/1", headers={"accept": "image/jpeg"}).status_code == 200
    assert web.get(f"{ROOT}?ModalitiesInStudy=SM").status_code == 200


def test_no_small_picture_shows_what_stands_on_the_glass(web: Web, make: Make) -> None:
    written = [
        make(name.lower(), 120, 200, Made(flavour=name, tile=256)) for name in ("LABEL", "OVERVIEW")
    ]
    assert store(web, [one.read_bytes() for one in written]).status_code == 200
    study = f"{ROOT}/{dcmread(written[0]).StudyInstanceUID}"
    addresses = [one["00081190"]["Value"][0] for one in web.get(f"{study}/instances").json()]
    for where in (study, *addresses):
        assert web.get(f"{where}/thumbnail").status_code == 404
    assert web.get(f"{addresses[0]}/rendered").status_code == 200
    # Of fewer rows than the label has, and the one that is shown.
    assert store(web, [make("level", 100, 90, Made(tile=128)).read_bytes()]).status_code == 200
    with Image.open(io.BytesIO(web.get(f"{study}/thumbnail").content)) as small:
        assert small.size == (100, 90)


def test_answers_are_written_beside_the_loop(
    web: Web, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand instances take seconds: others are answered meanwhile."""
    heard: list[str] = []

    def beside(module: ModuleType, name: str) -> None:
        write = getattr(module, name)

        def written(*arguments: object, **more: object) -> object:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            heard.append(name)
            return write(*arguments, **more)

        monkeypatch.setattr(module, name, written)

    beside(stow, "response")
    beside(retrieved, "model_written")
    beside(search, "model_written")
    (address,) = kept(store(web, [make("level").read_bytes()])).values()
    assert web.get(f"{address}/metadata").status_code == 200
    assert web.get(ROOT).status_code == 200
    assert heard == ["response", "model_written", "model_written"]


@pytest.mark.parametrize("table", ["basic", "none", "native"])
def test_every_form_is_read_back_as_it_was(web: Web, make: Make, table: str) -> None:
    file = make("level", made=Made(table=table))  # type: ignore[arg-type]
    (address,) = kept(store(web, [file.read_bytes()])).values()
    stored = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    frame = web.get(f"{address}/frames/2", headers={"accept": stored})
    assert frame.status_code == 200
    sent = dcmread(file)
    if table == "native":
        assert sent.pixel_array[1].tobytes() in frame.content
    whole = dcmread(
        io.BytesIO(web.get(address, headers={"accept": f"{DICOM}; transfer-syntax=*"}).content)
    )
    assert (whole.pixel_array == sent.pixel_array).all()
    assert whole.PatientName == "SPECIMEN^Zoé"
    rendered = web.get(f"{address}/rendered", headers={"accept": "image/jpeg"})
    assert rendered.status_code == 200


def test_of_a_study_only_its_own_are_taken(web: Web, make: Make) -> None:
    file = make("level")
    sent = dcmread(file)
    answer = store(web, [file.read_bytes()], study="1.2.3")
    assert answer.status_code == 409
    assert failures(answer) == {sent.SOPInstanceUID: Failure.DOES_NOT_MATCH}
    assert store(web, [file.read_bytes()], study=str(sent.StudyInstanceUID)).status_code == 200


def test_statuses_are_those_of_the_standard(web: Web, make: Make) -> None:
    file = make("level").read_bytes()
    warned = make("warned", 150, 100, PatientName="SPECIMEN^Zoe^Anne").read_bytes()
    assert store(web, [file]).status_code == 200
    assert store(web, [file]).status_code == 200
    answer = store(web, [warned])
    assert answer.status_code == 202
    assert answer.json()["00081199"]["Value"][0]["00081196"]["Value"] == [0xB000]
    again = store(web, [make("level", seed=1).read_bytes()])
    assert again.status_code == 409
    assert list(failures(again).values()) == [Failure.DUPLICATE]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (TYPE, b"", 400),
        (TYPE, b"nothing in it", 400),
        (TYPE, f"--{BOUNDARY}--".encode(), 400),
        (TYPE, f"--{BOUNDARY} more\r\n\r\n".encode(), 400),
        ("multipart/related; type=application/dicom", b"", 400),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"--b--", 400),
        ('multipart/related; type="application/pdf"; boundary=b', b"--b--", 415),
        ("multipart/form-data; boundary=b", b"--b--", 415),
        ("application/json", b"{}", 415),
        ("", b"", 415),
        (TYPE, body_of([b"{}"], "application/json"), 409),
    ],
)
def test_other_bodies_are_refused(web: Web, content_type: str, body: bytes, status: int) -> None:
    answer = web.post(ROOT, content=body, headers={"content-type": content_type})
    assert answer.status_code == status, answer.text


def test_a_body_that_is_compressed_is_refused(web: Web, make: Make) -> None:
    body = gzip.compress(make("level").read_bytes())
    headers = {"content-type": DICOM, "content-encoding": "gzip"}
    assert web.post(ROOT, content=body, headers=headers).status_code == 415


def test_the_answer_is_told_as_xml_where_that_is_asked_for(web: Web, make: Make) -> None:
    file = make("level")
    answer = store(web, [file.read_bytes(), b"no DICOM"], accept="application/dicom+xml")
    assert (answer.status_code, answer.headers["content-type"]) == (202, "application/dicom+xml")
    told = ElementTree.fromstring(answer.content)
    named = {one.get("keyword"): one for one in told.iter() if one.get("keyword")}
    value = named["ReferencedSOPInstanceUID"][0].text
    assert value == dcmread(file).SOPInstanceUID
    assert named["FailureReason"][0].text == str(int(Failure.CANNOT_UNDERSTAND))
    assert store(web, [b""], accept="image/jpeg").status_code == 406


def test_one_instance_may_come_alone(web: Web, make: Make) -> None:
    file = make("level")
    answer = web.post(ROOT, content=file.read_bytes(), headers={"content-type": DICOM})
    assert answer.status_code == 200
    assert list(kept(answer)) == [dcmread(file).SOPInstanceUID]


@pytest.mark.parametrize("size", [7, 1000, 70_000])
def test_blocks_of_any_size_are_the_same_body(
    web: Web, make: Make, settings: Settings, size: int
) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for one in in_blocks(body_of([make("level").read_bytes()]), size):
            yield one

    answer = web.post(ROOT, content=blocks(), headers={"content-type": TYPE})
    assert answer.status_code == 200
    assert left_over(settings) == []


def test_a_body_without_its_end_tells_of_what_came_whole(
    web: Web, make: Make, settings: Settings
) -> None:
    files = [make("level").read_bytes(), make("small", 150, 100).read_bytes()]
    body = body_of(files)
    answer = web.post(ROOT, content=body[: len(body) - 300], headers={"content-type": TYPE})
    assert answer.status_code == 202
    assert len(kept(answer)) == 1
    assert others(answer) == [Failure.CANNOT_UNDERSTAND]
    assert left_over(settings) == []


def test_a_request_that_breaks_off_leaves_what_came_whole(
    acceptance: Acceptance,
    settings: Settings,
    make: Make,
    place: Workplace,
) -> None:
    """Kept and found, though nobody could be told; of the rest nothing is left."""
    files = [make("level").read_bytes(), make("small", 150, 100).read_bytes()]
    body = body_of(files)
    messages: list[Message] = [
        {"type": "http.request", "body": body[:-500], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    held = Store(acceptance, settings.uploads)
    scope = {"method": "POST", "headers": [(b"content-type", TYPE.encode())]}
    with pytest.raises(TooSlow):
        asyncio.run(store_answer(held, NORTH, None, "", scope, receive))
    (found,) = place.catalog.instances.instances(Query(), establishment="north")
    assert found.described.rows == 128
    assert [one.name for one in acceptance.folder.glob("*.dcm")] == []


def test_a_body_that_drips_ends(
    acceptance: Acceptance,
    settings: Settings,
    make: Make,
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A byte before each silence is long enough would hold its place for ever."""
    now_s = 0.0
    monkeypatch.setattr("api.dicomweb.stow.time.monotonic", lambda: now_s)
    body = body_of([make("level").read_bytes()])
    rest = iter([body, *(bytes([one]) for one in b"--" * 100)])

    async def receive() -> Message:
        nonlocal now_s
        now_s += 10
        return {"type": "http.request", "body": next(rest), "more_body": True}

    held = Store(acceptance, settings.uploads)
    scope = {"method": "POST", "headers": [(b"content-type", TYPE.encode())]}
    with pytest.raises(TooSlow):
        asyncio.run(store_answer(held, NORTH, None, "", scope, receive))
    assert 60 <= now_s <= 100
    assert len(place.catalog.instances.instances(Query(), establishment="north")) == 1


def test_what_the_disk_has_no_room_for_is_refused(
    acceptance: Acceptance,
    settings: Settings,
    make: Make,
) -> None:
    body = body_of([make("level").read_bytes()])

    async def answer(limits: object, headers: list[tuple[bytes, bytes]]) -> int:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        held = Store(acceptance, limits)  # type: ignore[arg-type]
        scope = {"method": "POST", "headers": [(b"content-type", TYPE.encode()), *headers]}
        return int((await store_answer(held, NORTH, None, "", scope, receive)).status)

    small = replace(settings.uploads, max_bytes=1000)
    assert asyncio.run(answer(small, [])) == 503
    free = shutil.disk_usage(acceptance.folder).free
    full = replace(settings.uploads, headroom_bytes=free + (1 << 40))
    with pytest.raises(NoRoom):
        asyncio.run(answer(full, [(b"content-length", b"1000")]))


@pytest.mark.parametrize(
    ("kind", "status"), [(DICOM, 503), ("application/dicom+json", 507)], ids=["files", "metadata"]
)
def test_a_disk_that_is_full_is_said_to_be(
    web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, status: int
) -> None:
    def full(**_: object) -> tuple[int, str]:
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "draft")

    monkeypatch.setattr("api.dicomweb.drafts.mkstemp", full)
    headers = {"content-type": f'multipart/related; type="{kind}"; boundary="{BOUNDARY}"'}
    answer = web.post(ROOT, content=body_of([b"{}" * 100], kind), headers=headers)
    assert answer.status_code == status


def test_who_only_reads_may_not_store(web: Web, make: Make, settings: Settings) -> None:
    file = make("level").read_bytes()
    doors = Doors(signing_key(settings))
    reader = doors.issue(Role.READER, "north")
    assert store(web, [file], authorization=f"Bearer {reader}").status_code == 403
    assert store(web, [file], authorization="Bearer nobody").status_code == 401
    assert web.request("PUT", ROOT).status_code == 405
    assert web.post(f"{ROOT}/1.2/series", content=b"").status_code == 405
    south = doors.issue(Role.CONTRIBUTOR, "south")
    (address,) = kept(store(web, [file], authorization=f"Bearer {south}")).values()
    assert web.get(address, headers={"accept": DICOM}).status_code == 404
