"""A move is whole or not at all: killed, asked for anew, overtaken by another change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.ingest import Order, receive
from api.moving import move_once
from api.work import Workplace
from archive.errors import TransitionRefused
from archive.move import Destination
from archive.record import Image, JobState, ObjectRole
from archive.storage import Storage
from tests.api.moving.conftest import HERE, RIGHT, WHO, WRONG, header, instance, moved, photographed


def test_one_that_is_still_being_prepared_waits(place: Workplace, pictures: list[Path]) -> None:
    image = receive(place, pictures[0], Order(HERE, WRONG))
    with pytest.raises(TransitionRefused):
        place.catalog.moves.plan([image.id], Destination(RIGHT), establishment=HERE)


def test_asked_for_anew_the_last_word_counts(place: Workplace, pictures: list[Path]) -> None:
    image = photographed(place, pictures[0])
    other = replace(RIGHT, patient_id="3")
    place.catalog.moves.ask([image.id], Destination(other), WHO, establishment=HERE)
    (after,) = moved(place, [image.id], Destination(RIGHT))
    assert place.catalog.exam(after.exam_id, establishment=HERE).patient == RIGHT
    assert not move_once(place)
    assert len(place.catalog.moves.history(image.id, establishment=HERE)) == 1


def test_what_changed_while_it_was_prepared_is_prepared_again(
    place: Workplace, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photographed(place, pictures[0])
    moves = place.catalog.moves
    job = moves.ask([image.id], Destination(RIGHT), WHO, establishment=HERE)
    (kept,) = image.objects_as(ObjectRole.PHOTO)
    (moving,) = moves.act(str(job.payload["act"]))
    # As it was before its instance was written anew, elsewhere in the store.
    key = place.storage.put_bytes(instance(place, image))
    before = replace(image, objects=(replace(kept, key=key),))
    with monkeypatch.context() as patch:
        patch.setattr(type(moves), "act", lambda *_: (replace(moving, image=before),))
        assert move_once(place)
    assert place.catalog.image(image.id, establishment=HERE) == image
    assert place.catalog.jobs.job(job.id).state is JobState.WAITING
    place.catalog.jobs.enqueue(job.kind, image.id, {})
    assert move_once(place)
    assert place.catalog.image(image.id, establishment=HERE).incarnation == 1


class Dies(Exception):
    """A process is killed: nothing of it runs on."""


@pytest.mark.parametrize("at", ["put", "complete", "delete", "finish"])
def test_killed_anywhere_it_is_whole_or_not_begun_and_ends_well(
    place: Workplace,
    three: tuple[Image, Image, Image],
    at: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [one.id for one in three]
    place.catalog.moves.ask(ids, Destination(RIGHT), WHO, establishment=HERE)
    owner: Any = {
        "put": Storage,
        "complete": type(place.catalog.moves),
        "delete": Storage,
        "finish": type(place.catalog.jobs),
    }[at]
    real, calls = getattr(owner, at), []

    def dying(*words: Any, **more: Any) -> Any:
        calls.append(words)
        if at == "put" and len(calls) == 1:
            return real(*words, **more)
        raise Dies

    with monkeypatch.context() as patch:
        # What a killed process would have tidied up stays.
        patch.setattr(Storage, "delete", lambda *_: None)
        patch.setattr(owner, at, dying)
        with pytest.raises(Dies):
            move_once(place)
    now = [place.catalog.image(one, establishment=HERE) for one in ids]
    is_done = at in {"delete", "finish"}
    assert [one.incarnation for one in now] == [int(is_done)] * 3
    if not is_done:
        assert now == list(three)
    # The lease of the dead runs out.
    place.catalog.jobs.lapse(place.worker)
    assert move_once(place)
    assert not move_once(place)
    after = [place.catalog.image(one, establishment=HERE) for one in ids]
    assert {header(place, one).PatientID for one in after} == {"2"}
    left = place.storage.sweep(place.catalog.object_keys(), -1)
    assert left
