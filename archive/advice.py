"""A request for advice between two colleagues: pure facts, no database."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""None that is taken for another when it is read aloud or written by hand."""
CODE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Who:
    """A user: `establishment` is None for those who serve all."""

    establishment: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class Card:
    """A user as colleagues know them; `code` is what leads to it from another establishment."""

    id: str
    who: Who = field(repr=False)
    name: str
    title: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Words:
    """What one of the two wrote; `by` is the id of a card."""

    by: str
    text: str = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Advice:
    """A request between two, as one of them sees it: `is_new` is whether something is new to them.

    `images` are in the order in which they were chosen. `is_elsewhere` is whether they are of
    another establishment than the one who is asked.
    """

    id: str
    asker: Card
    asked: Card
    asked_at: datetime
    closed_at: datetime | None
    closer: str | None
    is_new: bool
    is_elsewhere: bool
    images: tuple[str, ...]
    words: tuple[Words, ...]

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.closed_at is None


def new_code() -> str:
    """A code that nobody guesses: 60 bits."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """A code as people write it: in small letters, in groups."""
    return "".join(one for one in text.upper() if one.isalnum())
