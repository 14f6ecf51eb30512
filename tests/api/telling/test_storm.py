"""Whatever befalls the way to it, an archive ends with every image once, under its patient."""

import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from api.archives import RadiologyArchive
from api.moving import move_once
from api.sending import send_once
from api.settings import Settings
from api.work import Workplace
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import Image, ObjectRole, OutboxState, Sent
from archive.telling.rules import Corrections
from dermato.ingest import ingest_photo
from tests.api.telling.places import HERE, at, corrected, due_now, told
from tests.api.telling.proxy import Proxy, proxy
from tests.dermato.archived import received
from tests.orthanc import Orthanc, orthanc
from tests.samples.photo import make_photo
from tiles.decoded import pixel_digest

ROUNDS = 400
"""More than any storm needs: each round, what was put off is due."""


@dataclass
class Storm:
    """What happens, in an order of chance, and the truth of it."""

    place: Workplace
    between: Proxy
    folder: Path
    chance: random.Random
    people: dict[int, PatientIdentity] = field(default_factory=dict)
    whose: dict[str, int] = field(default_factory=dict)
    pixels: dict[str, str] = field(default_factory=dict)

    def photograph(self) -> None:
        number = len(self.whose)
        who = self.chance.randrange(4)
        person = self.people.setdefault(who, PatientIdentity(f"P{who}", "R", f"DE^{who}", sex="F"))
        file = make_photo(self.folder / f"{number}.jpg", width=96, height=64, seed=500 + number)
        taken = received(self.place.catalog, self.place.storage, file, person, HERE, f"A{who}")
        image = ingest_photo(file, taken, self.place.catalog, self.place.storage)
        self.whose[image.id] = who
        self.pixels[image.id] = digest_of(self.place, image, self.folder)

    def correct(self) -> None:
        """A new name, and now and then a new number; twice, as messages come twice."""
        if not self.people:
            return
        who = self.chance.choice(sorted(self.people))
        before = self.people[who]
        after = replace(before, name=f"DE^{who} {self.chance.randrange(1000)}")
        if self.chance.random() < 0.4:
            after = replace(after, patient_id=f"P{who}-{self.chance.randrange(10**6)}")
        corrected(self.place, before, after)
        corrected(self.place, after, after)
        self.people[who] = after

    def move(self) -> None:
        if not self.whose:
            return
        image = self.chance.choice(sorted(self.whose))
        others = sorted(set(self.people) - {self.whose[image]})
        if not others:
            return
        to = self.chance.choice(others)
        where = Destination(self.people[to])
        self.place.catalog.moves.ask([image], where, Author("subject"), establishment=HERE)
        assert move_once(self.place)
        self.whose[image] = to

    def send(self) -> None:
        for _ in range(self.chance.randrange(6)):
            due_now(self.place)
            send_once(self.place)

    def weather(self) -> None:
        self.between.trouble = self.chance.choice((0, 5, 9))
        self.between.pause_s = self.chance.choice((0.0, 0.0, 0.002))


def digest_of(place: Workplace, image: Image, folder: Path) -> str:
    (one,) = image.objects_as(ObjectRole.PHOTO)
    path = folder / "own.dcm"
    path.write_bytes(place.storage.read_range(one.key, 0, one.length_bytes))
    return pixel_digest(path)


@pytest.mark.parametrize(
    ("count", "seed"),
    [(3, 1), pytest.param(200, 2, marks=[pytest.mark.soak, pytest.mark.timeout(14_400)])],
)
def test_every_image_is_there_once_under_its_patient(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, count: int, seed: int
) -> None:
    """The archive is stopped twice; corrections and moves come while the outbox is full."""
    with ExitStack() as stack:
        between = stack.enter_context(proxy(seed))
        url = f"http://127.0.0.1:{between.port}"
        rule = RadiologyArchive(f"{url}/dicom-web", HERE, url, Corrections.AGAIN)
        place = stack.enter_context(at(settings, empty_catalogue, rule))
        storm = Storm(place, between, tmp_path, random.Random(seed))
        kept = tmp_path / "orthanc"
        kept.mkdir()
        for part in range(3):
            # At first it is stopped, and between the parts again.
            between.target = None
            for _ in range(count // 3 + (part < count % 3)):
                storm.photograph()
                storm.send()
                storm.correct()
            with orthanc(kept) as archive:
                between.target = archive.web.base_url.port
                for _ in range(count):
                    storm.weather()
                    act = storm.chance.choice((storm.send, storm.send, storm.correct, storm.move))
                    act()
                between.target = None
                between.break_off()
                if part == 2:
                    between.target, between.trouble = archive.web.base_url.port, 0
                    settle(place)
                    judge(storm, archive)


def settle(place: Workplace) -> None:
    """The network is whole again: what waits is told, however often it must be tried."""
    for _ in range(ROUNDS):
        due_now(place)
        while send_once(place):
            pass
        if not place.catalog.outbox.listed([OutboxState.WAITING], establishment=None):
            return
    raise AssertionError("the outbox is never empty")


def judge(storm: Storm, archive: Orthanc) -> None:
    assert storm.place.catalog.outbox.listed([OutboxState.TASK], establishment=None) == ()
    right = Counter(
        (storm.people[who].patient_id, storm.people[who].name, storm.pixels[image])
        for image, who in storm.whose.items()
    )
    assert there(archive, storm.folder) == right
    for image in storm.whose:
        *_, last = told(storm.place, storm.place.catalog.image(image, establishment=HERE))
        assert (last.kind, last.state) == (Sent.OBJECT, OutboxState.READ_BACK)


def there(archive: Orthanc, folder: Path) -> Counter[tuple[str, str, str]]:
    """Whose every image is that Orthanc has, and its pixels; notes are none."""
    found: Counter[tuple[str, str, str]] = Counter()
    for one in archive.web.get("/instances").json():
        tags = archive.web.get(f"/instances/{one}/simplified-tags").json()
        if tags["Modality"] != "KO":
            path = folder / "there.dcm"
            path.write_bytes(archive.web.get(f"/instances/{one}/file").content)
            found[tags["PatientID"], tags["PatientName"], pixel_digest(path)] += 1
    return found
