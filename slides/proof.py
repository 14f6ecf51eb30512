"""What verification found, tile by tile and level by level."""

from dataclasses import asdict, dataclass
from math import inf, isinf
from typing import Any

from tiles.likeness import psnr_db
from tiles.plan import LevelPlan


@dataclass(frozen=True, slots=True)
class Tally:
    """What was found of some tiles."""

    copied: int = 0
    """The source's bytes, of equal hash."""
    equal: int = 0
    """Encoded, and the very pixels of their model."""
    compared: int = 0
    """Encoded, and as close to their model as their codec allows."""
    squared: float = 0.0
    samples: int = 0
    likeness: float = 0.0
    lowest_psnr_db: float = inf
    lowest_ssim: float = 1.0
    fault: str | None = None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.copied + other.copied,
            self.equal + other.equal,
            self.compared + other.compared,
            self.squared + other.squared,
            self.samples + other.samples,
            self.likeness + other.likeness,
            min(self.lowest_psnr_db, other.lowest_psnr_db),
            min(self.lowest_ssim, other.lowest_ssim),
            self.fault or other.fault,
        )


@dataclass(frozen=True, slots=True)
class LevelProof:
    """What was found of one level, all its planes; decibels and similarity are of those compared.

    `copied` tiles are the source's bytes, `equal` ones the very pixels they were made from.
    """

    level: int
    action: str
    planes: int
    tiles: int
    copied: int
    equal: int
    compared: int
    missing: int
    psnr_db: float | None
    lowest_psnr_db: float | None
    ssim: float | None
    lowest_ssim: float | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What verification found; it is only given where nothing was wrong."""

    levels: tuple[LevelProof, ...]
    instances: int

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"levels": [asdict(one) for one in self.levels], "instances": self.instances}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Proof":
        """What `as_json` gave."""
        return cls(tuple(LevelProof(**one) for one in told["levels"]), told["instances"])


def proof_of(number: int, step: LevelPlan, planes: int, tally: Tally) -> LevelProof:
    """What the tally of a level's tiles, in all planes, amounts to."""
    tiles = step.level.tiles * planes
    compared = tally.compared > 0
    lowest = None if isinf(tally.lowest_psnr_db) else round(tally.lowest_psnr_db, 2)
    return LevelProof(
        number,
        str(step.action),
        planes,
        tiles,
        tally.copied,
        tally.equal,
        tally.compared,
        tiles - tally.copied - tally.equal - tally.compared,
        round(psnr_db(tally.squared, tally.samples), 2) if compared else None,
        lowest if compared else None,
        round(tally.likeness / tally.samples, 4) if compared else None,
        round(tally.lowest_ssim, 4) if compared else None,
    )
