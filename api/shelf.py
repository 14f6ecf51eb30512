"""A bounded place for things that are costly to make and asked for by many at once."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from api.errors import TooBusy

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Keeps what was made, the least recently used leaving first once `bound` is reached.

    What has been kept for `lasts_s` leaves by itself, and what does not `last` is never kept.

    Twenty who ask at once for the same thing wait for one making. What failed is not kept. At most
    `waiting` makings are let in (TooBusy beyond). For one event loop; `make` runs in the executor.
    """

    def __init__(
        self,
        bound: int,
        executor: Executor,
        weigh: Callable[[V], int] = lambda _: 1,
        lasts_s: float = math.inf,
        waiting: int = 512,
        lasts: Callable[[V], bool] = lambda _: True,
    ) -> None:
        self._bound, self._executor, self._weigh = bound, executor, weigh
        self._lasts_s, self._lasts, self._waiting = lasts_s, lasts, waiting
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._making: dict[K, asyncio.Future[V]] = {}

    def find(self, key: K) -> V | None:
        """What is kept, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    async def take(self, key: K, make: Callable[[], V]) -> V:
        """What is kept, else what `make` gives; raises whatever `make` raises."""
        found = self.find(key)
        if found is not None:
            return found
        making = self._making.get(key)
        if making is None:
            if len(self._making) >= self._waiting:
                raise TooBusy
            making = self._begin(key, make)
        # Shielded: one who leaves must not take the making away from those who stay.
        return await asyncio.shield(making)

    def make_early(self, key: K, make: Callable[[], V], at_once: int) -> None:
        """Begin what will soon be asked for, unless `at_once` makings are under way already."""
        if key not in self._kept and key not in self._making and len(self._making) < at_once:
            self._begin(key, make)

    def discard(self, key: K) -> None:
        """Forget a thing, if it is kept."""
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._weight -= gone[1]

    def forget(self, belongs: Callable[[K], bool]) -> None:
        """Forget everything whose key belongs."""
        for key in [key for key in self._kept if belongs(key)]:
            self.discard(key)

    def _begin(self, key: K, make: Callable[[], V]) -> "asyncio.Future[V]":
        making = asyncio.get_running_loop().run_in_executor(self._executor, make)
        self._making[key] = making
        making.add_done_callback(lambda made: self._made(key, made))
        return making

    def _made(self, key: K, made: "asyncio.Future[V]") -> None:
        self._making.pop(key, None)
        if made.cancelled() or made.exception() is not None:
            return
        value = made.result()
        weight = self._weigh(value)
        if weight > self._bound or not self._lasts(value):
            return
        self.discard(key)
        self._kept[key] = (value, weight)
        self._weight += weight
        if self._lasts_s < math.inf:
            asyncio.get_running_loop().call_later(self._lasts_s, self._end, key, value)
        while self._weight > self._bound:
            _, (_, lightened) = self._kept.popitem(last=False)
            self._weight -= lightened

    def _end(self, key: K, value: V) -> None:
        # Another may have taken its place meanwhile, with a time of its own.
        if key in self._kept and self._kept[key][0] is value:
            self.discard(key)
