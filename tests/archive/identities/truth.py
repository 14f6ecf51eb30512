"""What is true of patients in one establishment, kept in words of its own."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Truth:
    """What is true in one establishment."""

    home: dict[str, str] = field(default_factory=dict)
    """By exam, and by lesion: the number under which it came."""
    exam_of: dict[str, str] = field(default_factory=dict)
    ordered: dict[str, str] = field(default_factory=dict)
    """The exams that came by an order, which says in which visit."""
    cases: dict[str, str] = field(default_factory=dict)
    """Those of which an order was said again."""
    into: dict[str, str] = field(default_factory=dict)
    name: dict[str, str] = field(default_factory=dict)
    ins: set[str] = field(default_factory=set)
    went: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the number and the visit that it had: when that went, and to whom."""
    done: dict[int, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    """What each act that may be taken back changed, as it was before."""
    numbers: dict[str, tuple[str, int]] = field(default_factory=dict)

    def root(self, number: str) -> str:
        while number in self.into:
            number = self.into[number]
        return number

    def leads(self, number: str, visit: str, clock: int) -> str:
        """Whose is by now what was of a number then, in a visit."""
        steps = sorted((at, one[0], to) for one, (at, to) in self.went.items() if one[1] == visit)
        later = [
            step for step in steps if step[0] >= clock and self.root(step[1]) == self.root(number)
        ]
        if not later:
            return number
        at, whom, to = later[-1]
        hidden = self.went.pop(whom + visit)
        found = self.leads(to, visit, at)
        self.went[whom + visit] = hidden
        return found

    def put(self, where: dict[str, Any], before: dict[str, Any]) -> None:
        for one, value in before.items():
            if value is None:
                where.pop(one, None)
            else:
                where[one] = value
