"""Requests for advice: who sees which words and which pictures, whatever anybody does."""

import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from archive import schema
from archive.advice import Who, new_code
from archive.body_site import site_of_code
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.errors import MayNotLeave, NoCard, NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.leaving import Leaving, Way
from archive.lesion import Photograph
from archive.record import Image, ImageKind, ImageState, ObjectRole
from archive.session import Purpose
from tests.archive.conftest import ELSEWHERE, HERE, digest, stored

FACE = "73897004"
HERE_1, HERE_2 = Who(HERE, "a"), Who(HERE, "b")
THERE_1, THERE_2 = Who(ELSEWHERE, "a"), Who(ELSEWHERE, "c")
OF_ALL = Who(None, "a")
USERS = (HERE_1, HERE_2, THERE_1, THERE_2, OF_ALL)


def picture(
    catalog: Catalog, name: str, patient: str, establishment: str = HERE, site: str | None = None
) -> Image:
    """A published photograph; one of the face as an overview where a site is given."""
    image = catalog.receive(
        establishment=establishment,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="photo",
        patient=PatientIdentity(patient, "CHU"),
    )
    if site is not None:
        said = Photograph(image.id, Capture(View.OVERVIEW, site_of_code(site)))
        catalog.photographs.state(said, establishment=establishment)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.PHOTO)])
    return catalog.advance(image.id, ImageState.PUBLISHED)


@cache
def four_pictures() -> tuple[bytes, dict[str, tuple[str, str]]]:
    """SQLite's file of a catalogue with them, and whose each is: establishment and patient."""
    owners = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalog.sqlite"
        with Catalog.open(f"sqlite:///{file}") as catalog:
            for name, patient, establishment in (
                ("1", "p", HERE),
                ("2", "p", HERE),
                ("3", "q", HERE),
                ("4", "p", ELSEWHERE),
            ):
                image = picture(catalog, name, patient, establishment)
                owners[image.id] = (establishment, patient)
        return file.read_bytes(), owners


@dataclass
class Asked:
    asker: Who
    asked: Who
    images: list[str]
    is_open: bool = True
    words: list[tuple[Who, str]] = field(default_factory=list)
    new_to: set[Who] = field(default_factory=set)

    def other(self, who: Who) -> Who:
        return self.asked if who == self.asker else self.asker


class AdviceMachine(RuleBasedStateMachine):
    """Asks, answers, closings, and tries by everybody else."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "catalog.sqlite"
        data, owners = four_pictures()
        file.write_bytes(data)
        self.catalog, self.owners = Catalog.open(f"sqlite:///{file}"), dict(owners)
        self.codes: dict[Who, str] = {}
        self.spent: list[str] = [new_code()]
        self.model: dict[str, Asked] = {}
        self.patients = {
            owner: [one for one, of in self.owners.items() if of == owner]
            for owner in self.owners.values()
        }

    @initialize()
    def one_has_asked_a_colleague_elsewhere(self) -> None:
        for who in (HERE_1, HERE_2, THERE_1, THERE_2):
            self.write_a_card(who, "Dr A")
        images = self.patients[HERE, "p"]
        made = self.catalog.advices.ask(HERE_1, "why?", images, code=self.codes[THERE_1])
        self.model[made.id] = Asked(
            HERE_1, THERE_1, images, words=[(HERE_1, "why?")], new_to={THERE_1}
        )

    def teardown(self) -> None:
        self.catalog.close()
        self.folder.cleanup()

    @rule(who=st.sampled_from(USERS), name=st.sampled_from(["Dr A", "Dr B"]))
    def write_a_card(self, who: Who, name: str) -> None:
        card = self.catalog.advices.write_card(who, name, "")
        assert (card.who, card.name) == (who, name)
        assert self.codes.setdefault(who, card.code) == card.code

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def renew_a_code(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(list(self.codes)))
        self.spent.append(self.codes[who])
        self.codes[who] = self.catalog.advices.renew_code(who).code
        assert self.codes[who] not in self.spent

    @rule(
        data=st.data(), who=st.sampled_from(USERS), to=st.sampled_from(USERS), listed=st.booleans()
    )
    def ask(self, data: st.DataObject, who: Who, to: Who, listed: bool) -> None:
        several = st.lists(st.sampled_from(list(self.owners)), min_size=1, unique=True)
        images = data.draw(st.sampled_from(list(self.patients.values())) | several)
        known = self.catalog.advices.card(to)
        named = (
            {"to": known.id if known else "0"}
            if listed
            else {"code": self.codes.get(to) or data.draw(st.sampled_from(self.spent))}
        )

        def asking() -> str:
            return self.catalog.advices.ask(who, "why?", images, **named).id

        patients = {self.owners[one] for one in images}
        sees = all(who.establishment in {None, of} for of, _ in patients)
        if who not in self.codes:
            with pytest.raises(NoCard):
                asking()
        elif to == who or to not in self.codes or not sees:
            with pytest.raises(NotFound):
                asking()
        elif listed and to.establishment != who.establishment:
            # Nobody of another establishment is reached but by their code.
            with pytest.raises(NotFound):
                asking()
        elif len(patients) > 1:
            with pytest.raises(MayNotLeave):
                asking()
        else:
            self.model[asking()] = Asked(who, to, images, words=[(who, "why?")], new_to={to})

    @precondition(lambda self: self.model)
    @rule(data=st.data(), who=st.sampled_from(USERS), text=st.sampled_from(["this", "that"]))
    def say(self, data: st.DataObject, who: Who, text: str) -> None:
        advice_id = data.draw(st.sampled_from(list(self.model)))
        asked = self.model[advice_id]
        if who not in {asked.asker, asked.asked}:
            with pytest.raises(NotFound):
                self.catalog.advices.say(who, advice_id, text)
        elif not asked.is_open:
            with pytest.raises(TransitionRefused):
                self.catalog.advices.say(who, advice_id, text)
        else:
            self.catalog.advices.say(who, advice_id, text)
            asked.words.append((who, text))
            asked.new_to.add(asked.other(who))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        advice_id = data.draw(st.sampled_from(list(self.model)))
        asked = self.model[advice_id]
        who = data.draw(st.sampled_from((asked.asker, asked.asked, *USERS)))
        if who not in {asked.asker, asked.asked}:
            with pytest.raises(NotFound):
                self.catalog.advices.close(who, advice_id)
        elif not asked.is_open:
            with pytest.raises(TransitionRefused):
                self.catalog.advices.close(who, advice_id)
        else:
            assert not self.catalog.advices.close(who, advice_id).is_open
            asked.is_open = False
            asked.new_to.add(asked.other(who))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), who=st.sampled_from(USERS))
    def see(self, data: st.DataObject, who: Who) -> None:
        advice_id = data.draw(st.sampled_from(list(self.model)))
        asked = self.model[advice_id]
        if who in {asked.asker, asked.asked}:
            self.catalog.advices.seen(who, advice_id)
            asked.new_to.discard(who)
        else:
            with pytest.raises(NotFound):
                self.catalog.advices.seen(who, advice_id)

    @invariant()
    def pictures_are_lent_to_whom_they_were_shown_and_to_nobody_else(self) -> None:
        for who in USERS:
            lent = {
                image
                for asked in self.model.values()
                if asked.asked == who and asked.is_open
                for image in asked.images
            }
            for image in self.owners:
                if image in lent:
                    assert self.catalog.advices.lent(image, who).id == image
                else:
                    with pytest.raises(NotFound):
                        self.catalog.advices.lent(image, who)

    @invariant()
    def words_are_read_by_the_two_and_by_nobody_else(self) -> None:
        for who in USERS:
            mine = {
                advice_id: asked
                for advice_id, asked in self.model.items()
                if who in {asked.asker, asked.asked}
            }
            found = {one.id: one for one in self.catalog.advices.mine(who)}
            assert found.keys() == mine.keys()
            for advice_id, asked in mine.items():
                one = found[advice_id]
                cards = {one.asker.id: one.asker.who, one.asked.id: one.asked.who}
                assert [(cards[said.by], said.text) for said in one.words] == asked.words
                assert (list(one.images), one.is_open) == (asked.images, asked.is_open)
                assert one.is_new == (who in asked.new_to)
                of = {self.owners[image][0] for image in asked.images}
                assert one.is_elsewhere == (asked.asked.establishment not in {None, *of})
            for advice_id in self.model.keys() - mine.keys():
                with pytest.raises(NotFound):
                    self.catalog.advices.advice(who, advice_id)

    @invariant()
    def nobody_of_another_establishment_is_listed(self) -> None:
        for who in USERS:
            listed = {one.who for one in self.catalog.advices.colleagues(who)}
            assert listed == {
                one for one in self.codes if one.establishment == who.establishment
            } - {who}
        for code in self.spent:
            with pytest.raises(NotFound):
                self.catalog.advices.named(code)


TestAdviceMachine = AdviceMachine.TestCase
TestAdviceMachine.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)


def test_a_picture_that_was_moved_is_lent_no_more(catalog: Catalog) -> None:
    """It is another patient's now: the question was not about it."""
    image, other = picture(catalog, "1", "p"), picture(catalog, "2", "q")
    catalog.advices.write_card(HERE_1, "Dr A", "")
    code = catalog.advices.write_card(THERE_1, "Dr C", "").code
    asked = catalog.advices.ask(HERE_1, "why?", [image.id], code=code.lower())
    assert asked.images == (image.id,)
    assert catalog.advices.lent(image.id, THERE_1) == image
    change = sa.update(schema.image).where(schema.image.c.id == image.id)
    with catalog._database.write() as connection:
        connection.execute(change.values(exam_id=other.exam_id))
    with pytest.raises(NotFound):
        catalog.advices.lent(image.id, THERE_1)
    assert catalog.advices.advice(THERE_1, asked.id).images == ()


def test_what_is_shown_elsewhere_is_asked_of_the_rule_and_written_down(catalog: Catalog) -> None:
    mole, face = picture(catalog, "1", "p"), picture(catalog, "2", "p", site=FACE)
    catalog.advices.write_card(HERE_1, "Dr A", "")
    near = catalog.advices.write_card(HERE_2, "Dr B", "")
    far = catalog.advices.write_card(THERE_1, "Dr C", "")
    catalog.advices.ask(HERE_1, "why?", [mole.id, face.id], to=near.id)
    assert catalog.departures.latest(establishment=HERE, limit=9) == ()
    with pytest.raises(MayNotLeave) as refused:
        catalog.advices.ask(HERE_1, "why?", [mole.id, face.id], code=far.code)
    assert (refused.value.obstacle, refused.value.images) == ("recognizable", (face.id,))
    assert catalog.advices.mine(THERE_1) == ()
    catalog.advices.ask(HERE_1, "why?", [mole.id], code=far.code)
    (gone,) = catalog.departures.latest(establishment=HERE, limit=9)
    assert gone.leaving == Leaving(Way.ADVICE, Purpose.CARE, (mole.id,))
    assert (gone.by, gone.establishment) == ("a", HERE)
    assert catalog.departures.latest(establishment=ELSEWHERE, limit=9) == ()


@pytest.mark.parametrize("purpose", [Purpose.TEACHING, Purpose.RESEARCH])
def test_nothing_leaves_for_what_nobody_consented_to(catalog: Catalog, purpose: Purpose) -> None:
    image = picture(catalog, "1", "p")
    with pytest.raises(MayNotLeave) as refused:
        catalog.departures.record(
            Leaving(Way.JPEG, purpose, (image.id,)), by="a", establishment=HERE
        )
    assert refused.value.obstacle == "consent"
    assert catalog.departures.latest(establishment=None, limit=9) == ()
