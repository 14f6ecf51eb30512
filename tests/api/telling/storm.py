"""What happens in a storm, in an order of chance, and a plain model of what is true after it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as Picture

from api.errors import NotTaken
from api.hl7.exchange import Exchange
from api.ingest import Order, ingest
from api.moving import move_once
from api.work import Workplace
from archive.errors import DifferentPatient
from archive.identities.schema import Verdict
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import ImageState
from dermato.ingest import ingest_photo
from tests.api.hl7.test_exchange import LOCAL, told
from tests.api.telling.places import due_now, send_once
from tests.api.telling.site import ISSUER, Identity, Site
from tests.dermato.archived import received
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs

STARTS = datetime(2026, 3, 1, 8, tzinfo=UTC)
PEOPLE = 4
"""Of each establishment: their numbers are those of the others' patients too."""


@dataclass
class Person:
    """Somebody of one establishment, with two numbers that may turn out to be theirs.

    Of `is_doubtful` ones messages may be read before the number is known by any: a person decides
    then, and nothing is said of a national identifier.
    """

    names: str
    born: date
    is_doubtful: bool
    numbers: tuple[str, str]
    is_merged: bool = False
    said: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    ins: list[tuple[datetime, str | None]] = field(default_factory=list)

    def brought(self, number: str) -> PatientIdentity:
        """Whose an image is, as whoever brings it says."""
        return PatientIdentity(number, ISSUER, f"{self.names}^ANNE", self.born, "F")

    def is_now(self, number: str) -> Identity:
        """Who has that number, once all was heard: what was said last, whenever that came."""
        first, _ = self.numbers
        number = first if self.is_merged else number
        _, name = max(self.said.get(number, [(STARTS, f"{self.names}^ANNE")]))
        _, ins = max(self.ins, default=(STARTS, None), key=lambda one: one[0])
        return Identity(number, name, f"{self.born:%Y%m%d}", ins if number == first else None)


@dataclass
class Brought:
    """An image: of which number, and what it shows."""

    site: Site
    person: Person
    number: str
    accession: str
    file: Path
    pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]" = field(repr=False)

    @property
    def is_slide(self) -> bool:
        return self.file.suffix == ".svs"


@dataclass
class Storm:
    """The place in the storm, and the truth of it."""

    place: Workplace
    sites: tuple[Site, ...]
    folder: Path
    chance: random.Random
    images: dict[str, Brought] = field(default_factory=dict)
    mail: list[tuple[Site, bytes]] = field(default_factory=list)
    people: dict[str, list[Person]] = field(default_factory=dict)
    exams: int = 0
    messages: int = 0
    moving: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.exchange = Exchange(self.place, [one.sender for one in self.sites])
        for site in self.sites:
            self.people[site.code] = list(self._people(site))
        for is_doubtful in (False, True):
            for site in self.sites:
                for who in self.people[site.code]:
                    if who.is_doubtful is is_doubtful:
                        for number in who.numbers:
                            self._say(site, who, number, f"{who.names}^ANNE")
            if not is_doubtful:
                self.hear(len(self.mail))

    def _people(self, site: Site) -> Iterator[Person]:
        for one in range(PEOPLE):
            born = date(1950 + one, 1 + len(self.people), 3)
            yield Person(f"{site.code}{one}", born, one % 2 == 1, (f"{one}", f"{one}-B"))

    # What is brought

    def exam(self) -> None:
        """A slide, or one or two photographs; now and then a file that was cut, or comes twice."""
        self.exams += 1
        site = self.chance.choice(self.sites)
        who = self.chance.choice(self.people[site.code])
        number = self.chance.choice(who.numbers)
        if self.exams % 4 == 0:
            file = self.folder / f"{self.exams}.svs"
            small_svs(file, 200, 160, 240, seed=self.exams)
            self._bring(site, who, number, file)
        else:
            for part in range(self.chance.choice((1, 1, 2))):
                file = self.folder / f"{self.exams}-{part}.jpg"
                make_photo(file, width=96, height=64, seed=10 * self.exams + part)
                self._bring(site, who, number, file)
        if self.exams % 9 == 2:
            self._cut(site, who, file)
        if self.exams % 9 == 3:
            self._again()

    def _bring(self, site: Site, who: Person, number: str, file: Path) -> None:
        accession = f"A{self.exams}"
        image = self._taken(site, who.brought(number), accession, file)
        is_slide = file.suffix == ".svs"
        shown = tifffile.imread(file, key=0) if is_slide else Picture.open(file).convert("RGB")
        self.images[image] = Brought(site, who, number, accession, file, np.asarray(shown))

    def _taken(self, site: Site, whose: PatientIdentity, accession: str, file: Path) -> str:
        """Have a file kept and published, or find that it is; gives the image."""
        if file.suffix == ".svs":
            return ingest(self.place, file, Order(site.name, whose, accession)).image
        catalog, storage = self.place.catalog, self.place.storage
        taken = received(catalog, storage, file, whose, site.name, accession)
        if taken.state is not ImageState.PUBLISHED:
            ingest_photo(file, taken, catalog, storage)
        return taken.id

    def _cut(self, site: Site, who: Person, file: Path) -> None:
        """An upload that was broken off, as somebody else's file: nothing of it is ever shown."""
        data = file.read_bytes()
        cut = file.with_name(f"cut-{file.name}")
        cut.write_bytes(data[: self.chance.randrange(100, len(data) * 9 // 10)])
        try:
            ingest(self.place, cut, Order(site.name, who.brought(who.numbers[0]), "CUT"))
        except NotTaken:
            return
        raise AssertionError("a file that was cut was taken")

    def _again(self) -> None:
        """A file comes twice: to the same patient, where it is the same image or none."""
        image = self.chance.choice(sorted(self.images))
        one = self.images[image]
        try:
            again = self._taken(one.site, one.person.brought(one.number), one.accession, one.file)
        except (NotTaken, DifferentPatient):
            # It was moved, or is about to be.
            return
        assert again == image

    # What is said

    def rename(self) -> None:
        site, who = self._somebody()
        number = who.numbers[0] if who.is_merged else self.chance.choice(who.numbers)
        self._say(site, who, number, f"{who.names}{chr(65 + self.messages % 26)}^ANNE")

    def merge(self) -> None:
        site, who = self._somebody()
        if who.is_merged:
            return
        kept, gone = who.numbers
        at = self._moment()
        name = max(who.said[kept])[1]
        who.said[kept].append((at, name))
        who.is_merged = True
        self._send(site, "A40", at, site.pid(who, kept, name, self._ins(who)), site.mrg(gone))

    def identify(self) -> None:
        """A national identifier is stated, or withdrawn, or replaced by another (A47)."""
        site, who = self._somebody()
        if who.is_doubtful:
            return
        kept, before, at = who.numbers[0], self._ins(who), self._moment()
        name = max(who.said[kept])[1]
        is_gone = before is not None and self.chance.random() < 0.5
        after = None if is_gone else site.new_ins(self.messages)
        who.ins.append((at, after))
        who.said[kept].append((at, name))
        pid = site.pid(who, kept, name, after, deletes=is_gone)
        if before is None:
            self._send(site, "A31", at, pid)
        else:
            self._send(site, "A47", at, pid, site.mrg(kept, before))

    def hear(self, count: int) -> None:
        """Messages arrive late, in any order, and some of them twice, as they are or anew."""
        for _ in range(min(count, len(self.mail))):
            site, message = self.mail.pop(self.chance.randrange(len(self.mail)))
            for _ in range(self.chance.choice((1, 1, 2))):
                code, _, words = told(self.exchange.answer(message, LOCAL))
                assert code == "AA", words
            if self.chance.random() < 0.2:
                self.messages += 1
                self.mail.append((site, site.renumbered(message, self.messages)))

    def answer(self) -> None:
        """A person says what is true: all that is doubtful here is one person."""
        identities = self.place.catalog.identities
        while doubts := identities.doubts(establishment=None):
            one = self.chance.choice(doubts)
            identities.decide(one.id, Verdict.SAME, "storm", establishment=None)

    # What is done

    def move(self) -> None:
        """To somebody else of the same establishment; done now, or when there is time."""
        free = sorted(set(self.images) - self.moving)
        if not free:
            return
        image = self.chance.choice(free)
        one = self.images[image]
        others = [who for who in self.people[one.site.code] if who is not one.person]
        who = self.chance.choice(others)
        number = self.chance.choice(who.numbers)
        to = Destination(who.brought(number))
        self.place.catalog.moves.ask([image], to, Author("storm"), establishment=one.site.name)
        one.person, one.number = who, number
        one.accession = ""
        self.moving.add(image)
        if self.chance.random() < 0.5:
            self.moves()

    def moves(self) -> None:
        while move_once(self.place):
            pass
        self.moving.clear()

    def send(self) -> None:
        for _ in range(self.chance.randrange(4)):
            due_now(self.place)
            send_once(self.place)

    def weather(self) -> None:
        for site in self.sites:
            site.between.trouble = self.chance.choice((0, 5, 9))
            site.between.pause_s = self.chance.choice((0.0, 0.0, 0.002))

    def anything(self) -> None:
        self.chance.choice(
            (
                *(self.send, self.send, self.rename, self.merge, self.identify),
                *(self.move, self.answer, lambda: self.hear(2)),
            )
        )()

    def _say(self, site: Site, who: Person, number: str, name: str) -> None:
        at = self._moment()
        who.said.setdefault(number, []).append((at, name))
        ins = self._ins(who) if number == who.numbers[0] else None
        self._send(site, "A31", at, site.pid(who, number, name, ins))

    def _ins(self, who: Person) -> str | None:
        return who.is_now(who.numbers[0]).ins

    def _send(self, site: Site, event: str, at: datetime, *segments: str) -> None:
        self.mail.append((site, site.message(event, at, self.messages, *segments)))

    def _moment(self) -> datetime:
        self.messages += 1
        return STARTS + timedelta(seconds=self.messages)

    def _somebody(self) -> tuple[Site, Person]:
        site = self.chance.choice(self.sites)
        return site, self.chance.choice(self.people[site.code])
