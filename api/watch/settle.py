"""When a file is complete: nothing of it has changed for a while, as seen by a watch that looks."""

from collections.abc import Mapping

from api.watch.survey import Unit


class Settling:
    """Which units have been quiet for `settled_s`; time is what the caller says it is.

    Nothing is remembered beyond this process: after a restart every file proves itself anew.
    """

    def __init__(self, settled_s: float) -> None:
        self._settled_s = settled_s
        self._since: dict[str, tuple[tuple[int, int], float]] = {}

    def look(self, units: Mapping[str, Unit], now: float) -> frozenset[str]:
        """Take note of what lies there at this moment; gives those that have been quiet."""
        before = self._since
        self._since = {}
        # Files of one folder may share what belongs to them: each lot is looked at once.
        marks: dict[int, int] = {}
        for main, unit in units.items():
            for prints in (unit.files, unit.arriving_with):
                if id(prints) not in marks:
                    marks[id(prints)] = hash(frozenset(prints.items()))
            seen = marks[id(unit.files)], marks[id(unit.arriving_with)]
            then, since = before.get(main, (None, now))
            self._since[main] = (seen, since if then == seen else now)
        return frozenset(
            main for main, (_, since) in self._since.items() if now - since >= self._settled_s
        )

    def disturb(self, main: str, now: float) -> None:
        """Let a unit begin anew, which was found to be still in somebody's hands."""
        seen, _ = self._since[main]
        self._since[main] = (seen, now)

    def is_restless(self, now: float) -> bool:
        """Whether some unit has yet to be quiet for long enough."""
        return any(now - since < self._settled_s for _, since in self._since.values())
