"""How one laboratory names its cases, and writes it on labels."""

from dataclasses import dataclass
from functools import lru_cache

from archive.cases.label import Pattern, compiled


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What one establishment's laboratory does; raises ValueError for a pattern that is none.

    `issuer` gives its accession numbers. `barcode` is the pattern of its labels, with the groups
    of `label.GROUPS`. Where `names_slides` is false, orders name no slides in advance. `frozen`
    are the codes of what is asked that mean a frozen section.
    """

    issuer: str = ""
    barcode: str | None = None
    names_slides: bool = True
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.barcode is not None:
            compiled(self.barcode)

    @property
    def pattern(self) -> Pattern | None:
        """The pattern, ready to be used."""
        return None if self.barcode is None else _pattern(self.barcode)


@lru_cache(maxsize=64)
def _pattern(text: str) -> Pattern:
    return compiled(text)
