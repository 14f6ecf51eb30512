"""How often, and how exactly, real pictures are laid over each other; and never those of others."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dermato.alignment import Aligned, Seen, lay, see
from tests.dermato.altered import KINDS, again
from tests.dermato.halves import FIXED_ON, Picture, interval, narrow, read, real, table
from tests.dermato.test_alignment import error_px, with_a_scale
from tests.samples import real_samples

OF_ONE_LESION = {"PAT_91_356_456.png", "PAT_91_356_74.png"}
ALL_AT_ONCE = KINDS[-1]
TIMES = dict.fromkeys(KINDS, 3) | {ALL_AT_ONCE: 32}
"""How often each picture is altered anew: all at once is the hardest, and the likeliest."""
OTHER_THINGS = (
    *("jolla.jpg", "gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg"),
    *("gps/iphone6_hdr_NO.jpg", "orientation/landscape_1.jpg"),
)
CROP_PX = 300


@dataclass(frozen=True)
class Shown:
    """A picture, where it comes from, and what it is of it."""

    source: str
    part: str
    seen: Seen
    is_altered: bool = False

    def is_other_skin(self, other: "Shown") -> bool:
        """Whether nothing of the one is to be found in the other."""
        if {self.source, other.source} == OF_ONE_LESION:
            return False
        # Of two mirror images no more is to be learnt than of the pictures themselves.
        if self.part == other.part == "mirrored":
            return False
        # What lies beyond the border of an altered picture is mirrored into it.
        if (
            self.is_altered
            and self.source == other.source
            and "mirrored" in {self.part, other.part}
        ):
            return False
        return self.source != other.source or self.part != other.part


def as_it_is_and_mirrored(name: str, picture: Picture) -> Iterator[Shown]:
    """The picture and its mirror image, which no camera could have taken of the same skin."""
    yield Shown(name, "whole", see(picture))
    yield Shown(name, "mirrored", see(np.ascontiguousarray(picture[:, ::-1])))


def places(name: str, picture: Picture) -> Iterator[Shown]:
    """Places side by side in a large picture: other skin of the same patient, in the same light."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    if min(rows, columns) < CROP_PX:
        return
    for down in (0, 1):
        for right in (0, 1):
            part = picture[down * rows :, right * columns :][:rows, :columns]
            yield Shown(name, f"{down}{right}", see(np.ascontiguousarray(part)))


def aligned_among(shown: list[Shown]) -> tuple[list[str], int]:
    """Which pairs of different skin are laid over each other all the same, and of how many."""
    pairs = [pair for pair in combinations(shown, 2) if pair[0].is_other_skin(pair[1])]
    false = [
        f"{one.source} {one.part}, {other.source} {other.part}"
        for one, other in pairs
        if isinstance(lay(one.seen, other.seen), Aligned)
    ]
    return false, len(pairs)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_figures_of_true_alignments(artefacts: Path) -> None:
    errors: dict[str, list[float]] = defaultdict(list)
    refused: dict[str, int] = defaultdict(int)
    for number, path in enumerate(real("dermoscopy")):
        first = read(path)
        seen = see(first)
        half = "fixed on" if number % 2 == FIXED_ON else "reported on"
        for kind in KINDS:
            for seed in range(10, 10 + TIMES[kind]):
                second = again(first, kind, seed)
                found = lay(seen, see(second.pixels))
                alone = "all of it at once" if kind == ALL_AT_ONCE else "one at a time"
                for name in {f"{half}, {kind}", f"{half}, {alone}", f"both, {alone}"}:
                    if isinstance(found, Aligned):
                        errors[name].append(error_px(first, second, found))
                    else:
                        refused[name] += 1
    rows = []
    for name, all_ in sorted(errors.items()):
        share = interval(len(all_), len(all_) + refused[name])
        middle, most = np.percentile(all_, (50, 95))
        rows.append((name, f"aligned {share}, error median {middle:.2f}, 95 % below {most:.2f} px"))
    report = table("One lesion, altered by code: pixels at 600 of width", rows)
    print("\n" + report)
    (artefacts / "photograph-alignment.txt").write_text(report)
    for alone in ("all of it at once", "one at a time"):
        name = f"both, {alone}"
        assert np.median(errors[name]) <= 0.5
        assert len(errors[name]) >= 0.98 * (len(errors[name]) + refused[name])


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_figures_of_false_alignments(artefacts: Path) -> None:
    folder = real_samples()
    assert folder
    others = [folder / "phone-photos" / name for name in OTHER_THINGS]
    extra = folder / "phone-photos/isic_image_with_exif_orientation6.jpg"
    every = {path.name: read(path) for path in [*real("dermoscopy"), *real("clinical"), extra]}
    not_skin = {path.name for path in others}
    every |= {path.name: narrow(read(path), 1000) for path in others}
    altered = {
        name: again(picture, ALL_AT_ONCE, seed).pixels
        for seed, (name, picture) in enumerate(every.items())
    }
    rows, false, pairs = [], 0, 0
    for title, pictures in (("as they are", every), ("all altered at once", altered)):
        whole = [
            replace(one, is_altered=pictures is altered)
            for item in pictures.items()
            for one in as_it_is_and_mirrored(*item)
        ]
        skin = [item for item in pictures.items() if item[0] not in not_skin]
        parts = [one for item in skin for one in places(*item)]
        for what, shown in (("with mirrored ones", whole), ("places of large ones", parts)):
            wrong, of = aligned_among(shown)
            rows.append((f"{title}, {what}", f"{len(wrong)} aligned of {of} {wrong or ''}"))
            false, pairs = false + len(wrong), pairs + of
    rows.append(("all pairs", f"{false} aligned of {pairs}; 95 % bound, 3/n, {300 / pairs:.3f} %"))
    scaled = [Shown(path.name, "", see(with_a_scale(read(path)))) for path in real("dermoscopy")]
    under, of_scaled = aligned_among(scaled)
    rows.append(("dermoscopy under one drawn scale", f"{len(under)} aligned of {of_scaled}"))
    one, other = (every[name] for name in sorted(OF_ONE_LESION))
    same = lay(see(one), see(other))
    rows.append(("two photographs really taken of one lesion", str(same)))
    report = table("Different lesions", rows)
    print("\n" + report)
    (artefacts / "photograph-alignment-false.txt").write_text(report)
    assert false == 0
    assert under == []
    assert isinstance(same, Aligned)
