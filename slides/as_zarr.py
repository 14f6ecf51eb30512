"""A slide as OME-Zarr, written as decoded pixels."""

import shutil

from slides.channels import shown
from slides.draft import Draft
from slides.progress import Progress
from slides.slide import Facts
from slides.source_file import OpenSource
from tiles.composite import is_measured, windows
from tiles.plan import Plan
from tiles.pyramid import Box, Plane, Pyramid
from tiles.source import Pixels

NAME = "slide"


def write_zarr(
    draft: Draft,
    opener: OpenSource,
    plan: Plan,
    mpp_um: tuple[float, float],
    facts: Facts,
    scheduler: str | None,
    progress: Progress | None,
) -> None:
    """Write a plan's levels as a draft's result; shards that it has already are not made again."""
    from tiles.build import run
    from tiles.ome_zarr import ZarrSink, create, describe, pixels_of

    folder = draft.result

    def lay_out() -> None:
        shutil.rmtree(folder)
        create(folder, plan)

    draft.once("layout", lay_out)
    sink = ZarrSink(folder, plan)
    finished = draft.finished
    run(opener, plan, sink, scheduler=scheduler, progress=progress, finished=finished)
    step_um = facts.focal_spacing_um or 1.0
    describe(folder, plan, mpp_um, NAME, focal_step_um=step_um)
    levels = tuple(step.level for step in plan.levels)
    pyramid = Pyramid(levels, plan.samples, plan.bits, plan.planes)
    if not is_measured(pyramid):
        return
    import zarr  # slow to load, and only looked into where values must be known to be shown

    group = zarr.open_group(folder, mode="r")

    def read(level: int, box: Box, plane: Plane) -> Pixels:
        return pixels_of(group[str(level)], plan.samples, box, plane)

    describe(folder, plan, mpp_um, NAME, shown(facts.channels, windows(read, pyramid)), step_um)
