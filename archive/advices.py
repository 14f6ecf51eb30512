"""The requests for advice of a catalogue, and the cards by which colleagues find each other."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.advice import Advice, Card, Who, Words, new_code, read_code
from archive.database import Database
from archive.departures import let_go, whose_pictures
from archive.errors import NoCard, NotFound, TransitionRefused
from archive.homeward import IS_HERE
from archive.leaving import Leaving, Way
from archive.reception import establishment_row, new_id
from archive.record import Image, ImageState
from archive.session import Purpose

_card, _advice = schema.card.c, schema.advice.c
_shown, _words = schema.advice_image.c, schema.advice_words.c
_image, _exam, _owner = schema.image.c, schema.exam.c, schema.establishment.c

_CARDS = sa.select(schema.card, _owner.name.label("establishment")).select_from(
    schema.card.outerjoin(schema.establishment, _card.establishment_id == _owner.id)
)

_PICTURES = (
    schema.advice_image.join(schema.advice)
    .join(schema.image, _image.id == _shown.image_id)
    .join(schema.exam, _exam.id == _image.exam_id)
)
_SAME_PATIENT = sa.and_(
    _exam.establishment_id == _advice.establishment_id,
    _exam.patient_row.is_not_distinct_from(_advice.patient_row),
    IS_HERE,
)
"""A picture that was or is moved to another patient is not the one that was asked about."""


class Advices:
    """Cards and requests, reached as `catalog.advices`.

    Whoever is neither of a request's two is answered as for one that does not exist.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def card(self, who: Who) -> Card | None:
        """The user's own card, None before there is one."""
        with self._database.read() as connection:
            return _card_of(connection, who)

    def write_card(self, who: Who, name: str, title: str) -> Card:
        """Make the user's card, or correct it."""
        with self._database.write() as connection:
            known = _card_of(connection, who)
            if known is None:
                owner = who.establishment
                owner_id = None if owner is None else establishment_row(connection, owner)
                connection.execute(
                    sa.insert(schema.card).values(
                        id=new_id(),
                        establishment_id=owner_id,
                        subject=who.subject,
                        name=name,
                        title=title,
                        code=new_code(),
                    )
                )
            else:
                _change(connection, known, name=name, title=title)
            return _own_card(connection, who)

    def renew_code(self, who: Who) -> Card:
        """Give the user's card another code, the one before leading nowhere; raises NoCard."""
        with self._database.write() as connection:
            _change(connection, _own_card(connection, who), code=new_code())
            return _own_card(connection, who)

    def colleagues(self, who: Who) -> tuple[Card, ...]:
        """The cards of the user's own establishment but their own, by name."""
        query = _CARDS.where(_of(who), _card.subject != who.subject).order_by(_card.name, _card.id)
        with self._database.read() as connection:
            return tuple(_from_row(row) for row in connection.execute(query).mappings())

    def named(self, code: str) -> Card:
        """Whose code it is; raises NotFound."""
        with self._database.read() as connection:
            return _asked(connection, _card.code == read_code(code))

    def ask(
        self,
        who: Who,
        question: str,
        images: Sequence[str],
        *,
        to: str | None = None,
        code: str = "",
    ) -> Advice:
        """Ask the colleague `to` of the same establishment, or whose `code` it is.

        Raises NotFound for no such colleague or picture, NoCard, and MayNotLeave.
        """
        with self._database.write() as connection:
            asker = _own_card(connection, who)
            chosen = _card.code == read_code(code)
            if to is not None:
                chosen = sa.and_(_card.id == to, _of(who))
            asked = _asked(connection, chosen)
            if asked.id == asker.id:
                raise NotFound("There is no such colleague.")
            whose = whose_pictures(connection, images, who.establishment)
            if asked.who.establishment not in {whose.establishment, None}:
                let_go(
                    connection,
                    Leaving(Way.ADVICE, Purpose.CARE, tuple(images)),
                    who.subject,
                    who.establishment,
                )
            now, advice_id = datetime.now(UTC), new_id()
            connection.execute(
                sa.insert(schema.advice).values(
                    id=advice_id,
                    establishment_id=whose.establishment_id,
                    patient_row=whose.patient_row,
                    asker_id=asker.id,
                    asked_id=asked.id,
                    asked_at=now,
                    new_to_asker=False,
                    new_to_asked=True,
                )
            )
            shown = [
                {"advice_id": advice_id, "image_id": image, "place": place}
                for place, image in enumerate(dict.fromkeys(images))
            ]
            connection.execute(sa.insert(schema.advice_image), shown)
            _write(connection, advice_id, asker, question, now)
            return _read(connection, asker, advice_id)

    def mine(self, who: Who) -> tuple[Advice, ...]:
        """What the user asked and was asked, newest whose."""
        with self._database.read() as connection:
            own = _card_of(connection, who)
            return () if own is None else _of_card(connection, own)

    def advice(self, who: Who, advice_id: str) -> Advice:
        """One request of which the user is a part; raises NotFound."""
        with self._database.read() as connection:
            return _read(connection, _card_of(connection, who), advice_id)

    def seen(self, who: Who, advice_id: str) -> None:
        """Nothing of it is new to the user any more; raises NotFound."""
        with self._database.write() as connection:
            own = _card_of(connection, who)
            advice = _read(connection, own, advice_id)
            _set(connection, advice_id, **{_new_to(advice, own): False})

    def say(self, who: Who, advice_id: str, text: str) -> Advice:
        """Answer, or ask further; raises NotFound, and TransitionRefused once it is closed."""
        with self._database.write() as connection:
            own, advice = _taking_part(connection, who, advice_id)
            _write(connection, advice_id, own, text, datetime.now(UTC))
            return _told_the_other(connection, advice, own)

    def close(self, who: Who, advice_id: str) -> Advice:
        """End it, for both; raises NotFound, and TransitionRefused once it is closed."""
        with self._database.write() as connection:
            own, advice = _taking_part(connection, who, advice_id)
            _set(connection, advice_id, closed_at=datetime.now(UTC), closer_id=own.id)
            return _told_the_other(connection, advice, own)

    def lent(self, image_id: str, who: Who) -> Image:
        """A picture of a request that is open and asks this user; raises NotFound for any other.

        One that was moved to another patient meanwhile is not that picture any more.
        """
        query = (
            sa.select(_image.id)
            .select_from(_PICTURES.join(schema.card, _card.id == _advice.asked_id))
            .where(
                _shown.image_id == image_id,
                _advice.closed_at.is_(None),
                _card.subject == who.subject,
                _of(who),
                _image.state == ImageState.PUBLISHED,
                _SAME_PATIENT,
            )
            .limit(1)
        )
        with self._database.read() as connection:
            if connection.scalar(query) is None:
                raise NotFound("There is no such image.")
            return reading.image(connection, image_id, None)


def _of(who: Who) -> sa.ColumnElement[bool]:
    """Cards of the user's establishment."""
    if who.establishment is None:
        return _card.establishment_id.is_(None)
    owner = sa.select(_owner.id).where(_owner.name == who.establishment).scalar_subquery()
    return _card.establishment_id == owner


def _card_of(connection: sa.Connection, who: Who) -> Card | None:
    query = _CARDS.where(_of(who), _card.subject == who.subject)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _from_row(row)


def _own_card(connection: sa.Connection, who: Who) -> Card:
    found = _card_of(connection, who)
    if found is None:
        raise NoCard("Say first by which name colleagues know you.")
    return found


def _asked(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Card:
    row = connection.execute(_CARDS.where(chosen)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such colleague.")
    return _from_row(row)


def _change(connection: sa.Connection, known: Card, **values: str) -> None:
    connection.execute(sa.update(schema.card).where(_card.id == known.id).values(values))


def _from_row(row: sa.RowMapping) -> Card:
    who = Who(row["establishment"], row["subject"])
    return Card(row["id"], who, row["name"], row["title"], row["code"])


def _taking_part(connection: sa.Connection, who: Who, advice_id: str) -> tuple[Card, Advice]:
    own = _card_of(connection, who)
    # The row is held, so that nothing is written to a request while it is closed.
    connection.execute(sa.select(_advice.id).where(_advice.id == advice_id).with_for_update())
    advice = _read(connection, own, advice_id)
    if not advice.is_open:
        raise TransitionRefused("The request is closed; ask anew.")
    assert own is not None
    return own, advice


def _told_the_other(connection: sa.Connection, advice: Advice, own: Card) -> Advice:
    other = "new_to_asked" if own.id == advice.asker.id else "new_to_asker"
    _set(connection, advice.id, **{other: True})
    return _read(connection, own, advice.id)


def _new_to(advice: Advice, own: Card | None) -> str:
    return "new_to_asker" if own is not None and own.id == advice.asker.id else "new_to_asked"


def _set(connection: sa.Connection, advice_id: str, **values: Any) -> None:
    connection.execute(sa.update(schema.advice).where(_advice.id == advice_id).values(values))


def _write(connection: sa.Connection, advice_id: str, own: Card, text: str, now: datetime) -> None:
    connection.execute(
        sa.insert(schema.advice_words).values(
            advice_id=advice_id, card_id=own.id, text=text, at=now
        )
    )


def _read(connection: sa.Connection, own: Card | None, advice_id: str) -> Advice:
    found = () if own is None else _of_card(connection, own, advice_id)
    if not found:
        raise NotFound("There is no such request.")
    return found[0]


def _of_card(
    connection: sa.Connection, own: Card, advice_id: str | None = None
) -> tuple[Advice, ...]:
    query = (
        sa.select(schema.advice, _owner.name.label("establishment"))
        .select_from(schema.advice.join(schema.establishment))
        .where(sa.or_(_advice.asker_id == own.id, _advice.asked_id == own.id))
        .order_by(_advice.asked_at.desc(), _advice.id)
    )
    if advice_id is not None:
        query = query.where(_advice.id == advice_id)
    rows = connection.execute(query).mappings().all()
    cards = _cards(connection, {row[one] for row in rows for one in ("asker_id", "asked_id")})
    ids = [row["id"] for row in rows]
    images, words = _images(connection, ids), _all_words(connection, ids)
    return tuple(
        Advice(
            id=row["id"],
            asker=cards[row["asker_id"]],
            asked=cards[row["asked_id"]],
            asked_at=row["asked_at"],
            closed_at=row["closed_at"],
            closer=row["closer_id"],
            is_new=row["new_to_asker" if row["asker_id"] == own.id else "new_to_asked"],
            is_elsewhere=cards[row["asked_id"]].who.establishment
            not in {row["establishment"], None},
            images=tuple(images[row["id"]]),
            words=tuple(words[row["id"]]),
        )
        for row in rows
    )


def _cards(connection: sa.Connection, ids: set[str]) -> dict[str, Card]:
    rows = connection.execute(_CARDS.where(_card.id.in_(ids))).mappings()
    return {row["id"]: _from_row(row) for row in rows}


def _images(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """The pictures that are still of the patient whom the request is about."""
    found: dict[str, list[str]] = defaultdict(list)
    query = (
        sa.select(_shown.advice_id, _shown.image_id)
        .select_from(_PICTURES)
        .where(_shown.advice_id.in_(ids), _SAME_PATIENT)
        .order_by(_shown.place)
    )
    for row in connection.execute(query):
        found[row.advice_id].append(row.image_id)
    return found


def _all_words(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[Words]]:
    found: dict[str, list[Words]] = defaultdict(list)
    query = sa.select(schema.advice_words).where(_words.advice_id.in_(ids)).order_by(_words.id)
    for row in connection.execute(query):
        found[row.advice_id].append(Words(row.card_id, row.text, row.at))
    return found
