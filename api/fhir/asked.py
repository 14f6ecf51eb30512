"""What a request asks of a kind of resource: conditions, and how the answer is to be told."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.fhir import grammar
from api.fhir.parameters import INCLUDES, PARAMETERS, REVERSE_INCLUDES, Kind, Parameter
from api.fhir.systems import giver
from archive.errors import InvalidQuery
from archive.resources.asked import Criterion, How, Search, Token, Value, Words

PAGE, MOST = 50, 200
"""Of what is found in one answer: unless told, and at most."""
MOST_PARAMETERS = 50
MOST_CHARACTERS = 4096
"""Of all parameters: the address of the next page holds them too, and others' bounds are near."""
SUMMARIES = frozenset({"true", "false", "text", "data", "count"})
_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,63}", re.ASCII)
_HANDLED_ELSEWHERE = frozenset({"_format", "_pretty"})

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A search: what is looked for, how much is told of it, and what comes along.

    `used` are the parameters that were heeded, as they were written; `ignored` are names.
    """

    kind: str
    criteria: tuple[Criterion, ...] = ()
    used: tuple[Pair, ...] = ()
    ignored: tuple[str, ...] = ()
    count: int = PAGE
    wants_total: bool = False
    summary: str = "false"
    elements: frozenset[str] = frozenset()
    includes: frozenset[str] = frozenset()
    reverse_includes: frozenset[str] = frozenset()
    after: Mapping[str, Any] | None = field(default=None)

    @property
    def counts_alone(self) -> bool:
        """Whether nothing but the number of what is found is wanted."""
        return self.summary == "count" or self.count == 0

    @property
    def search(self) -> Search:
        """The same for the archive; one more than is told says whether there are others."""
        return Search(self.criteria, self.count + 1, self.after)


def asked_of(
    kind: str,
    pairs: Sequence[Pair],
    base: str,
    *,
    strict: bool = False,
    after: Mapping[str, Any] | None = None,
) -> Asked:
    """The search that the parameters of a request make; raises InvalidQuery.

    `base` is where our resources are. What is not known is left out, unless `strict`.
    `after` is where the page before ended.
    """
    if len(pairs) > MOST_PARAMETERS:
        raise InvalidQuery("The search has too many parameters.")
    if sum(len(name) + len(text) for name, text in pairs) > MOST_CHARACTERS:
        raise InvalidQuery("The search is too long; ask for less at once.")
    criteria, used, ignored = [], [], []
    control: dict[str, Any] = {"includes": set(), "reverse_includes": set()}
    for name, text in pairs:
        if not text or name in _HANDLED_ELSEWHERE:
            # An empty one says nothing (R4, search).
            continue
        heeded = _controls(kind, name, text, control)
        if not heeded:
            criterion = _criterion(kind, name, text, base)
            heeded = criterion is not None
            criteria += [criterion] if criterion else []
        if heeded:
            used.append((name, text))
        else:
            ignored.append(name if _NAME.fullmatch(name) else "?")
    if ignored and strict:
        raise InvalidQuery("The search has parameters that are not known here.")
    for one in ("includes", "reverse_includes"):
        control[one] = frozenset(control[one])
    return Asked(kind, tuple(criteria), tuple(used), tuple(ignored), after=after, **control)


def _controls(kind: str, name: str, text: str, control: dict[str, Any]) -> bool:
    """Take a parameter that says how the answer is told; whether it is one."""
    match name:
        case "_count":
            if not re.fullmatch(r"[0-9]{1,6}", text):
                raise InvalidQuery("A page has a number of entries.")
            control["count"] = min(int(text), MOST)
        case "_summary":
            if text not in SUMMARIES:
                raise InvalidQuery("A summary is one of true, false, text, data and count.")
            control["summary"] = text
        case "_elements":
            control["elements"] = frozenset(one.strip() for one in text.split(",")) - {""}
        case "_total":
            if text not in {"none", "estimate", "accurate"}:
                raise InvalidQuery("A total is one of none, estimate and accurate.")
            control["wants_total"] = text != "none"
        case "_include":
            return _included(text, INCLUDES[kind], control["includes"])
        case "_revinclude":
            return _included(text, REVERSE_INCLUDES[kind], control["reverse_includes"])
        case "_sort":
            # The one order that there is.
            return kind == "ImagingStudy" and text == "-started"
        case _:
            return False
    return True


def _included(text: str, known: Iterable[str], found: set[str]) -> bool:
    """Take `Kind:parameter`, perhaps with the kind it leads to; whether that is one of these."""
    named = ":".join(text.split(":")[:2])
    if text == "*" or named.endswith(":*"):
        found.update(one for one in known if text == "*" or one.startswith(named[:-1]))
        return True
    if named not in known:
        return False
    found.add(named)
    return True


def _criterion(kind: str, name: str, text: str, base: str) -> Criterion | None:
    plain, modifier = name, ""
    if plain not in PARAMETERS[kind]:
        plain, _, modifier = name.rpartition(":")
    if plain not in PARAMETERS[kind]:
        plain, _, modifier = name.partition(":")
    known = PARAMETERS[kind].get(plain)
    if known is None:
        return None
    if modifier and modifier not in known.modifiers:
        raise InvalidQuery("A parameter has a modifier that it does not have here.")
    values = tuple(_value(known, one, modifier, base) for one in grammar.alternatives(text))
    if not values:
        return None
    return Criterion(known.criterion, values, is_not=modifier == "not")


def _value(known: Parameter, text: str, modifier: str, base: str) -> Value:
    match known.kind:
        case Kind.DATE:
            return grammar.period(text)
        case Kind.STRING:
            return Words(grammar.plain(text), How(modifier) if modifier else How.BEGINS)
        case Kind.REFERENCE:
            return Token(_referred(known, grammar.plain(text).strip(), modifier, base))
        case Kind.TOKEN:
            token = grammar.token(text)
            if token.system:
                return Token(token.value, giver(token.system))
            return token


def _referred(known: Parameter, text: str, modifier: str, base: str) -> str:
    """The id that a reference leads to; what leads elsewhere is nothing of ours."""
    kind, slash, name = text.removeprefix(f"{base}/").rpartition("/")
    if not slash:
        return name
    is_ours = kind in known.targets and modifier in {"", kind}
    # An id has no such sign: it is nobody's.
    return name if is_ours else "/"
