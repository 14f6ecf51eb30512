"""Whoever is slow holds up nobody else."""

from contextlib import ExitStack
from threading import Event, Thread

import pytest

from api.dicomweb.stow import MOST_REQUESTS, Store
from api.errors import TooBusy
from api.instances.acceptance import Acceptance
from api.instances.shares import Shares
from api.settings import Settings

LONG_S = 60.0


class Guest(Thread):
    """Comes in, stays until it is sent away, and says both."""

    def __init__(self, shares: Shares, whose: str) -> None:
        super().__init__(daemon=True)
        self._shares, self._whose = shares, whose
        self.is_in, self.may_go = Event(), Event()
        self.start()

    def run(self) -> None:
        with self._shares.place(self._whose):
            self.is_in.set()
            self.may_go.wait(LONG_S)

    def leave(self) -> None:
        self.may_go.set()
        self.join(LONG_S)


def test_the_last_place_is_for_who_has_none() -> None:
    shares = Shares(3)
    slow = [Guest(shares, "north") for _ in range(2)]
    assert all(one.is_in.wait(LONG_S) for one in slow)
    third = Guest(shares, "north")
    with shares.place("south"):
        assert not third.is_in.is_set()
    assert not third.is_in.is_set()
    slow[0].leave()
    assert third.is_in.wait(LONG_S)
    for one in (slow[1], third):
        one.leave()


def test_one_place_is_everybodys_in_turn() -> None:
    shares = Shares(1)
    for whose in ("north", "north", "south"):
        guest = Guest(shares, whose)
        assert guest.is_in.wait(LONG_S)
        guest.leave()


def test_requests_to_store_are_counted_by_establishment(
    acceptance: Acceptance, settings: Settings
) -> None:
    store = Store(acceptance, settings.uploads)
    with ExitStack() as held:
        for _ in range(MOST_REQUESTS):
            held.enter_context(store.request("north"))
        with pytest.raises(TooBusy), store.request("north"):
            pass
        with store.request("south"):
            pass
    with store.request("north"):
        pass
