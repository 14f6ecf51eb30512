"""A level that is larger than an archive takes goes as a concatenation, where its rule says so."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from wsidicom import WsiDicom

from api.archives import REMOTE, RadiologyArchive
from api.ingest import Order, ingest
from api.moving import move_once
from api.settings import Settings
from api.why import DOWN, NOT_CUT, TOO_LARGE
from api.work import Workplace
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import Image, ObjectRole, OutboxState, Sent, StoredObject
from archive.telling.rows import Telling
from archive.telling.rules import NOT_TAKEN, Corrections, Takes
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    corrected,
    due_now,
    kept,
    send_once,
    told,
)
from tests.orthanc import Orthanc
from tests.samples.slide import small_svs
from tiles.instance import read_index
from tiles.source import Pixels

MOST = 60_000
GOOD = OutboxState.READ_BACK


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of which the largest level is larger than that, and no other one."""
    return small_svs(tmp_path_factory.mktemp("slide") / "a.svs", 900, 700, 240, seed=6)


def rule_of(archive: Orthanc, **more: Any) -> RadiologyArchive:
    usual: dict[str, Any] = {
        "takes": frozenset({Takes.SLIDES}),
        "largest_bytes": MOST,
        "concatenations": True,
    }
    return RadiologyArchive(archive.dicomweb_url, HERE, **(usual | more))


def person(number: str) -> PatientIdentity:
    return PatientIdentity(number, "R", "FAUX^Anne", sex="F")


def brought(place: Workplace, slide: Path, patient: PatientIdentity) -> Image:
    taken = ingest(place, slide, Order(HERE, patient, patient.patient_id.upper()))
    return place.catalog.image(taken.image, establishment=HERE)


def parts(place: Workplace, image: Image) -> list[Telling]:
    """The rows of parts that are to be told, by their number."""
    rows = [one for one in told(place, image) if one.part and one.kind is Sent.OBJECT]
    return [one for one in rows if one.state is not OutboxState.SUPERSEDED]


def whole(place: Workplace, image: Image) -> Telling:
    (one,) = [one for one in told(place, image) if one.parts]
    return one


def sent_until(place: Workplace, image: Image, number: int) -> list[Telling]:
    """Some of the parts have left; gives their rows."""
    while True:
        left = [one for one in parts(place, image) if one.told]
        if len(left) == number:
            return left
        assert send_once(place)


def given_by(archive: Orthanc, uids: list[str], folder: Path) -> list[Path]:
    """The files that Orthanc gives of these instances, each of which it has once."""
    folder.mkdir()
    for number, uid in enumerate(uids):
        (one,) = archive.web.post("/tools/lookup", content=uid).json()
        data = archive.web.get(f"/instances/{one['ID']}/file").content
        (folder / f"{number}.dcm").write_bytes(data)
    return sorted(folder.iterdir())


def drawn(folder: Path) -> Pixels:
    """The one level of a folder, as an independent reader shows it."""
    with WsiDicom.open(folder) as slide:
        (level,) = slide.pyramids[0]
        size = (level.size.width, level.size.height)
        return np.asarray(slide.read_region((0, 0), level.level, size))


def drawn_here(place: Workplace, image: Image, folder: Path) -> Pixels:
    """The largest level, as it is stored here."""
    folder.mkdir()
    first = image.objects_as(ObjectRole.LEVEL)[0]
    data = place.storage.read_range(first.key, 0, first.length_bytes)
    (folder / "stored.dcm").write_bytes(data)
    return drawn(folder)


def damage_last_frame(place: Workplace, stored: StoredObject) -> None:
    read = partial(place.storage.read_range, stored.key)
    index = read_index(read, stored.length_bytes)
    lies = place.storage.local_path(stored.key)
    assert lies is not None
    data = bytearray(lies.read_bytes())
    data[int(index.offsets[-1]) + int(index.lengths[-1]) // 2] ^= 1
    lies.chmod(0o600)
    lies.write_bytes(data)


def test_it_arrives_in_parts_that_are_read_as_the_whole(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path, tmp_path: Path
) -> None:
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        image = brought(place, slide, person("p1"))
        all_sent(place)
        cut, rows = parts(place, image), told(place, image)
        first, *rest = image.objects_as(ObjectRole.LEVEL)
        assert {one.state for one in rows} == {GOOD}
        assert all(one.coerced == [] for one in cut)
        (one,) = [one for one in rows if one.parts]
        assert (one.sop_instance_uid, one.parts, one.told) == (first.sop_instance_uid, len(cut), ())
        assert kept(archive, one.sop_instance_uid) == []
        # What is counted and listed is what lies there.
        counts = place.catalog.backlog.counts(HERE, REMOTE)
        assert sum(counts.values()) == counts[GOOD] == len(cut) + len(rest)
        listed = place.catalog.outbox.listed([GOOD], establishment=HERE)
        assert {one.id for one in listed} == {one.id for one in rows if not one.parts}
        assert list(place.scratch.iterdir()) == []
        here = drawn_here(place, image, tmp_path / "here")
    uids = [one.sop_instance_uid for one in cut]
    files = given_by(archive, uids, tmp_path / "there")
    assert len(files) > 2
    assert max(one.stat().st_size for one in files) <= MOST
    assert np.array_equal(drawn(tmp_path / "there"), here)
    offset = 0
    for number, header in enumerate((dcmread(one) for one in files), 1):
        assert (header.InConcatenationNumber, header.ConcatenationFrameOffsetNumber) == (
            number,
            offset,
        )
        assert header.InConcatenationTotalNumber == len(files)
        assert header.SOPInstanceUIDOfConcatenationSource == first.sop_instance_uid
        assert (header.PatientID, header.AccessionNumber) == ("p1", "P1")
        offset += int(header.NumberOfFrames)


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from api.archives import RadiologyArchive
from api.sending import Turn, send_to
from api.settings import read_settings
from api.work import open_workplace
from archive.dicomweb_link import DicomWebLink
from archive.telling.rules import Takes

url, here, most = sys.argv[1:]
rule = RadiologyArchive(
    url, here, takes=frozenset({Takes.SLIDES}), largest_bytes=int(most), concatenations=True
)
store, large = DicomWebLink.store, []

def stored(link, instance, moved):
    store(link, instance, moved)
    large.append(instance.path.name)
    if len(large) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

DicomWebLink.store = stored
with open_workplace(replace(read_settings(), archives=(rule,))) as place:
    while any(send_to(place, to) is not Turn.IDLE for to in place.archives):
        pass
"""


def test_who_is_killed_between_parts_leaves_nothing_and_sends_none_twice(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path, tmp_path: Path
) -> None:
    """Right after the archive took one, before that is written down."""
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        image = brought(place, slide, person("p2"))
    command = [sys.executable, "-c", KILLED, archive.dicomweb_url, HERE, str(MOST)]
    where = {"SANSVERRE_DATA": str(settings.data)}
    done = subprocess.run(command, env={**os.environ, **where}, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        before = parts(place, image)
        assert {one.state for one in before} == {OutboxState.WAITING, GOOD}
        all_sent(place)
        after = parts(place, image)
        assert {one.state for one in (*after, whole(place, image))} == {GOOD}
        # The one that was under way is told again, and no other.
        again = [one.attempt for one in before if one.state is GOOD]
        assert [one.attempt for one in after if one.attempt > 1] == [2]
        assert again == [1] * len(again)
        assert [one.sop_instance_uid for one in before] == [one.sop_instance_uid for one in after]
        assert [one for one in place.scratch.parent.iterdir() if one != place.scratch] == []
        here = drawn_here(place, image, tmp_path / "here")
    assert all(len(kept(archive, one.sop_instance_uid)) == 1 for one in after)
    given_by(archive, [one.sop_instance_uid for one in after], tmp_path / "there")
    assert np.array_equal(drawn(tmp_path / "there"), here)


@pytest.mark.parametrize("how", [Corrections.AGAIN, Corrections.REINCARNATION])
def test_a_patient_is_corrected_while_half_of_the_parts_are_there(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    slide: Path,
    tmp_path: Path,
    how: Corrections,
) -> None:
    before, after = person(f"{how[0]}3"), person(f"{how[0]}4")
    rule = rule_of(archive, corrections=how, orthanc_url=str(archive.web.base_url))
    with at(settings, empty_catalogue, rule) as place:
        image = brought(place, slide, before)
        left = sent_until(place, image, 2)
        corrected(place, before, after)
        all_sent(place)
        now, rows = parts(place, image), told(place, image)
        assert {one.state for one in (*now, whole(place, image))} == {GOOD}
        assert len(now) == whole(place, image).parts
        rejected = {one.sop_instance_uid for one in rows if one.kind is Sent.REJECTION}
        here = drawn_here(place, image, tmp_path / "here")
    uids = [one.sop_instance_uid for one in now]
    headers = [dcmread(one) for one in given_by(archive, uids, tmp_path / "there")]
    assert {one.PatientID for one in headers} == {after.patient_id}
    assert len({one.ConcatenationUID for one in headers}) == 1
    assert len({one.StudyInstanceUID for one in headers}) == 1
    assert np.array_equal(drawn(tmp_path / "there"), here)
    old = {one.sop_instance_uid for one in left}
    if how is Corrections.AGAIN:
        assert old <= set(uids)
    else:
        # What left is rejected and gone from there; what did not was never known by that name.
        assert old <= rejected
        assert not rejected & set(uids)
        assert [kept(archive, one) for one in old] == [[], []]


def test_of_what_moves_away_the_parts_that_left_are_rejected_and_nothing_else(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path
) -> None:
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        image = brought(place, slide, person("p5"))
        left = sent_until(place, image, 2)
        levels = {one.sop_instance_uid for one in told(place, image) if one.told}
        who = Author("subject")
        right = Destination(person("p6"))
        place.catalog.moves.ask([image.id], right, who, establishment=HERE)
        assert move_once(place)
        # What of the first one was still to be told is not told any more.
        assert {one.state for one in told(place, image) if one.sop_instance_uid in levels} >= {
            OutboxState.WAITING
        }
        all_sent(place)
        rows = told(place, image)
        rejected = {one.sop_instance_uid for one in rows if one.kind is Sent.REJECTION}
        assert rejected == levels
        assert {one.sop_instance_uid for one in left} <= rejected
        # The level is there by none of its parts any more.
        before, _ = [one for one in rows if one.parts]
        assert (before.exam_id, before.state) == (image.exam_id, OutboxState.SUPERSEDED)
        of_now = [one for one in rows if one.kind is Sent.OBJECT and one.exam_id != image.exam_id]
        assert {one.state for one in of_now} == {GOOD}
        (again,) = [one for one in of_now if one.parts]
        assert again.parts == sum(one.part is not None for one in of_now)
        first, *_ = of_now
        (there,) = kept(archive, of_now[-1].sop_instance_uid)
        assert there["PatientID"] == "p6"
        assert first.object_uid not in {one.object_uid for one in left}


def test_without_the_rule_it_stays_here_and_goes_once_the_rule_is_stated(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path
) -> None:
    with at(settings, empty_catalogue, rule_of(archive, concatenations=False)) as place:
        image = brought(place, slide, person("p7"))
        all_sent(place)
        assert {(one.state, one.reason) for one in told(place, image)} == {
            (OutboxState.TASK, TOO_LARGE)
        }
    # The room that a header needs is more than this.
    with at(settings, empty_catalogue, rule_of(archive, largest_bytes=20_000)) as place:
        levels = len(told(place, image))
        assert place.catalog.backlog.ask_again(HERE, REMOTE) == levels
        all_sent(place)
        assert {(one.state, one.reason) for one in told(place, image)} == {
            (OutboxState.TASK, NOT_CUT)
        }
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        place.catalog.backlog.ask_again(HERE, REMOTE)
        all_sent(place)
        assert {one.state for one in told(place, image)} == {GOOD}
        assert len(parts(place, image)) == whole(place, image).parts > 2


@pytest.mark.parametrize("concatenations", [False, True])
def test_what_left_whole_is_corrected_whole_under_any_later_rule(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    slide: Path,
    concatenations: bool,
) -> None:
    before, after = person(f"w1{concatenations}"), person(f"w2{concatenations}")
    more: dict[str, Any] = {
        "corrections": Corrections.AGAIN,
        "orthanc_url": str(archive.web.base_url),
        "concatenations": concatenations,
    }
    with at(settings, empty_catalogue, rule_of(archive, largest_bytes=1 << 30, **more)) as place:
        image = brought(place, slide, before)
        all_sent(place)
    with at(settings, empty_catalogue, rule_of(archive, **more)) as place:
        corrected(place, before, after)
        all_sent(place)
        rows = told(place, image)
        assert {(one.state, one.parts) for one in rows} == {(GOOD, 0)}
    for one in rows:
        (there,) = kept(archive, one.sop_instance_uid)
        assert there["PatientID"] == after.patient_id


def test_a_slide_is_damaged_in_the_store_after_it_was_cut(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path
) -> None:
    """The damaged part does not leave, and the others do."""
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        image = brought(place, slide, person("p8"))
        sent_until(place, image, 1)
        first = image.objects_as(ObjectRole.LEVEL)[0]
        damage_last_frame(place, first)
        all_sent(place)
        *others, last = parts(place, image)
        assert {one.state for one in others} == {GOOD}
        assert (last.state, last.reason, last.told) == (OutboxState.WAITING, DOWN, ())
        assert whole(place, image).state is OutboxState.WAITING
        assert kept(archive, last.sop_instance_uid) == []


def test_slides_are_taken_no_more_before_a_part_left(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, slide: Path
) -> None:
    """It is dropped, and goes once they are taken again; with one part there, all go there."""
    nothing = rule_of(archive, takes=frozenset[Takes]())
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        image = brought(place, slide, person("p9"))
        assert send_once(place)
        cut = whole(place, image).parts
        assert len(parts(place, image)) == cut
    with at(settings, empty_catalogue, nothing) as place:
        all_sent(place)
        assert {(one.state, one.reason) for one in told(place, image)} == {
            (OutboxState.SUPERSEDED, NOT_TAKEN)
        }
        levels = len(image.objects_as(ObjectRole.LEVEL))
        assert place.catalog.backlog.dropped(HERE, REMOTE) == cut + levels - 1
        assert place.catalog.backlog.ask_again(HERE, REMOTE) == cut + levels - 1
    with at(settings, empty_catalogue, rule_of(archive)) as place:
        sent_until(place, image, 1)
    with at(settings, empty_catalogue, nothing) as place:
        due_now(place)
        all_sent(place)
        assert {one.state for one in (*parts(place, image), whole(place, image))} == {GOOD}
