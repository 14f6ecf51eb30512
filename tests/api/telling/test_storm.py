"""Whatever befalls the way to them, archives end with every image once, under its patient."""

import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image as Picture

from api.settings import Settings
from api.why import REMOVE_BY_HAND
from archive.record import OutboxState, Sent
from archive.telling.rules import Corrections, Takes
from tests.api.telling.places import at, due_now, send_once, told
from tests.api.telling.proxy import proxy
from tests.api.telling.site import Found, Identity, Site, frame_of, rejected_by, running
from tests.api.telling.storm import Brought, Storm

WHERE = "https://slides.example.org"
ROUNDS = 400
"""More than any storm needs: each round, what was put off is due."""
NORTH = ("NORTH", "Hôpital A", Corrections.AGAIN, True, Takes.SLIDES)
SOUTH = ("SOUTH", "Hôpital B", Corrections.HL7, False, Takes.THUMBNAILS)
WEST = ("WEST", "Hôpital C", Corrections.REINCARNATION, True, Takes.THUMBNAILS)
"""One overwrites, one hears the messages itself and hides nothing, one does neither."""


@pytest.mark.parametrize(
    ("count", "parts", "seed", "which"),
    [
        pytest.param(4, 2, 1, (NORTH, SOUTH), id="4"),
        pytest.param(
            *(200, 3, 2, (NORTH, SOUTH, WEST)),
            marks=[pytest.mark.soak, pytest.mark.timeout(7200)],
            id="200",
        ),
    ],
)
def test_every_object_is_there_once_under_its_patient(
    settings: Settings,
    empty_catalogue: Path,
    tmp_path: Path,
    count: int,
    parts: int,
    seed: int,
    which: tuple[tuple[str, str, Corrections, bool, Takes], ...],
) -> None:
    """Archives are stopped between the parts; messages and moves come while the outbox is full."""
    with ExitStack() as stack:
        sites = tuple(
            Site(*one, stack.enter_context(proxy(seed + number)), tmp_path / one[0])
            for number, one in enumerate(which)
        )
        rules = [site.rule for site in sites]
        known = replace(settings, public_url=WHERE)
        place = stack.enter_context(at(known, empty_catalogue, *rules))
        storm = Storm(place, sites, tmp_path, random.Random(seed))
        for part in range(parts):
            for _ in range(count // parts + (part < count % parts)):
                storm.exam()
                storm.anything()
            with running(sites):
                for _ in range(2 * count // parts):
                    storm.weather()
                    storm.anything()
                if part == parts - 1:
                    settle(storm)
                    for site in sites:
                        judge(storm, site)


def settle(storm: Storm) -> None:
    """The network is whole again: all that was said is heard, and what waits is told."""
    for site in storm.sites:
        site.between.trouble, site.between.pause_s = 0, 0.0
    while storm.mail:
        storm.hear(1)
    storm.answer()
    storm.moves()
    outbox = storm.place.catalog.outbox
    for _ in range(ROUNDS):
        due_now(storm.place)
        while send_once(storm.place):
            pass
        if not outbox.listed([OutboxState.WAITING], establishment=None):
            return
        for site in storm.sites:
            if site.corrections is not Corrections.AGAIN:
                site.heard(partial(whose, storm, site))
    raise AssertionError("the outbox is never empty")


def whose(storm: Storm, site: Site, number: str) -> Identity:
    (who,) = (one for one in storm.people[site.code] if number in one.numbers)
    return who.is_now(number)


def judge(storm: Storm, site: Site) -> None:
    """Hold what lies in an archive against what was brought, said and done."""
    images = {id_: one for id_, one in storm.images.items() if one.site is site}
    there = site.there()
    notes = [one for one in there if one.header.Modality == "KO"]
    rejected = rejected_by(notes)
    assert set(rejected.values()) <= {1}
    shown = [one for one in there if one not in notes and one.uid not in rejected]
    right = Counter(
        (image, one.person.is_now(one.number), one.accession) for image, one in images.items()
    )
    found: Counter[tuple[str, Identity, str]] = Counter()
    for one in shown:
        image = which(site, one, images)
        # What was moved has a number of ours, of which nothing is known here.
        found[image, one.whose, images[image].accession and one.accession] += 1
    assert found == right
    for one in shown:
        brought = images[which(site, one, images)]
        assert one.whose.ins in {None, brought.person.is_now(brought.number).ins}
        assert site.asked(one.uid) == [(one.whose.patient_id, one.study)]
    # No study is of two patients, and nobody else's is here.
    assert len({one.study for one in shown}) == len(
        {(one.study, one.whose.patient_id) for one in shown}
    )
    tasks = storm.place.catalog.outbox.listed(
        [OutboxState.TASK], establishment=None, remote=site.code, limit=10_000
    )
    hidden = {one.uid for one in there if one.uid in rejected}
    assert {one.sop_instance_uid for one in tasks} == hidden
    assert {(one.kind, one.reason) for one in tasks} <= {(Sent.REJECTION, REMOVE_BY_HAND)}
    assert not (site.deletes and hidden)
    for image in images:
        *_, last = told(storm.place, storm.place.catalog.image(image, establishment=site.name))
        assert (last.kind, last.state) == (Sent.OBJECT, OutboxState.READ_BACK)


def which(site: Site, one: Found, images: dict[str, Brought]) -> str:
    """Of which image that was brought its pixels are."""
    if one.header.Modality == "SM" and one.header.get("ImageComments"):
        (code,) = zxingcpp.read_barcodes(np.asarray(frame_of(one)))
        return code.text.removeprefix(f"{WHERE}/view/")
    if one.header.Modality == "SM":
        drawn = site.drawn(one)
        near = {
            id_: _between(drawn.crop((0, 0, image.pixels.shape[1], image.pixels.shape[0])), image)
            for id_, image in images.items()
            if image.is_slide
        }
        nearest = min(near, key=lambda id_: near[id_])
        assert near[nearest] < 2
        return nearest
    pixels = np.asarray(frame_of(one))
    (same,) = (
        id_
        for id_, image in images.items()
        if not image.is_slide and np.array_equal(image.pixels, pixels)
    )
    return same


def _between(drawn: Picture.Image, image: Brought) -> float:
    return float(np.abs(np.asarray(drawn).astype(int) - image.pixels).mean())
