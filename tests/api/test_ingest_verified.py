"""`ingest --verify`: what the store holds is read again before anybody sees it."""

import subprocess
import sys
from pathlib import Path

import pytest

from api.errors import NotTaken
from api.ingest import Order, ingest, receive
from api.originals import laid_out
from api.settings import Settings
from api.work import Workplace, open_workplace
from archive.record import Image, ImageState, ObjectRole
from archive.storage import Storage
from slides.errors import NotFaithful
from slides.ingest import Wish, ingest_slide
from tests.api.conftest import small_file
from tests.api.holding import await_held, held_at
from tests.samples.photo import make_photo
from tests.samples.scenes import ome_scenes
from tests.samples.vendors import picture

VERIFIED = Order("north", verify=True)


class FailingDisk(Storage):
    """The real store on a disk that changes a bit of the largest files."""

    def put(self, source: Path) -> str:
        key = super().put(source)
        if source.name == "level-0.dcm":
            flip(self, key)
        return key


def flip(storage: Storage, key: str) -> None:
    """Change a bit in the middle of an object."""
    path = storage.local_path(key)
    assert path is not None
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_file(tmp_path_factory.mktemp("verified"))


def built_on_a_failing_disk(place: Workplace, settings: Settings, slide: Path) -> Image:
    """An image whose objects are in the store, one of them changed, not published yet."""
    image = receive(place, slide, Order("north"))
    store = FailingDisk.open(settings.objects_url)
    with (
        laid_out(image, place.storage, place.scratch) as original,
        pytest.raises(NotFaithful, match="level 0, tile"),
    ):
        ingest_slide(original, image, place.catalog, store, place.drafts, wish=Wish(verify=True))
    image = place.catalog.image(image.id, establishment=None)
    assert image.state is ImageState.BUILT
    return image


def test_the_report_is_kept_with_the_image(place: Workplace, slide: Path) -> None:
    taken = ingest(place, slide, VERIFIED)
    assert taken.verified is not None
    base = taken.verified["levels"][0]
    assert (base["copied"], base["tiles"], base["missing"]) == (6, 6, 0)
    assert taken.verified["instances"] == 5
    image = place.catalog.image(taken.image, establishment="north")
    assert image.facts["verified"] == taken.verified
    assert list(place.scratch.iterdir()) == []


def test_what_the_store_changed_is_not_published(
    place: Workplace, settings: Settings, slide: Path
) -> None:
    image = built_on_a_failing_disk(place, settings, slide)
    with pytest.raises(NotTaken, match=r"level 0, tile .* nothing was kept"):
        ingest(place, slide, VERIFIED)
    image = place.catalog.image(image.id, establishment=None)
    assert (image.state, image.objects) == (ImageState.REFUSED, ())
    assert place.storage.orphans(place.catalog.object_keys(), 0) == ()
    again = ingest(place, slide, VERIFIED)
    assert (again.image, again.state) == (image.id, "published")
    assert again.verified is not None


def test_what_is_published_already_is_read_again(place: Workplace, slide: Path) -> None:
    """It stays published: people are looking at it, and all but a tile may be right."""
    before = ingest(place, slide, Order("north"))
    assert before.verified is None
    assert ingest(place, slide, VERIFIED).verified is not None
    image = place.catalog.image(before.image, establishment=None)
    flip(place.storage, image.objects_as(ObjectRole.LEVEL)[0].key)
    with pytest.raises(NotTaken, match=r"level 0, tile .* restore"):
        ingest(place, slide, VERIFIED)
    image = place.catalog.image(before.image, establishment=None)
    assert image.state is ImageState.PUBLISHED
    assert image.facts["verified"] is None


def test_the_original_that_the_store_changed_is_found_too(place: Workplace, slide: Path) -> None:
    taken = ingest(place, slide, Order("north"))
    image = place.catalog.image(taken.image, establishment=None)
    flip(place.storage, image.objects_as(ObjectRole.ORIGINAL)[0].key)
    with pytest.raises(NotTaken, match="the original in the store"):
        ingest(place, slide, VERIFIED)


def test_a_photograph_has_no_levels_to_report(place: Workplace, tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "a.jpg", width=320, height=240)
    assert ingest(place, photo, VERIFIED).verified is None


def test_killed_while_it_verifies_it_verifies_again(
    place: Workplace, slide: Path, tmp_path: Path
) -> None:
    """What was stored stays unpublished until somebody has read it again."""
    command = [sys.executable, "-m", "api.cli", "ingest", "--verify", str(slide)]
    mark = tmp_path / "mark"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=held_at("verifying", mark))
    await_held(process, mark)
    process.kill()
    process.wait()
    (exam,) = place.catalog.exams(establishment="local", states=list(ImageState)).exams
    assert exam.images[0].state is ImageState.BUILT
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "6 copied, their bytes equal" in done.stdout
    image = place.catalog.image(exam.images[0].id, establishment=None)
    assert image.state is ImageState.PUBLISHED
    assert image.facts["verified"]["levels"][0]["copied"] == 6


def test_the_command_says_what_was_found(settings: Settings, slide: Path) -> None:
    command = [sys.executable, "-m", "api.cli", "ingest", "--verify", str(slide)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first == "level 0   verified: 6 tiles: 6 copied, their bytes equal; 0 missing"
    assert last == f"{slide}: published"
    with open_workplace(settings) as place:
        (exam,) = place.catalog.exams(establishment="local").exams
        assert "verified" in exam.images[0].facts


def test_every_scene_is_read_again(place: Workplace, tmp_path: Path) -> None:
    """Each against its own picture, and by its own number."""
    path = ome_scenes(tmp_path / "a.ome.tif", (picture(700, 500), picture(300, 400)))
    for number, tiles in ((1, 24), (2, 12)):
        scene = None if number == 1 else number
        taken = ingest(place, path, VERIFIED, scene=scene)
        assert taken.scene == number
        assert taken.verified is not None
        base = taken.verified["levels"][0]
        assert (base["copied"], base["tiles"]) == (tiles, tiles)
