"""The DICOM instances of a slide: copied levels, encoded ones, and the pictures beside them."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from slides.channels import channels_of
from slides.copying import associated_picture, copied_levels
from slides.draft import Draft
from slides.header import VL_WHOLE_SLIDE, Picture, Promise, header
from slides.progress import Progress, Shares
from slides.slide import Facts, Slide
from slides.source_file import OpenSource
from tiles.coding import Loss, encoded
from tiles.frames import Frames, FrameSink, Written
from tiles.plan import Action, Plan
from tiles.pyramid import spacing_of

GLASS_WIDTH_UM = 25_000
"""Nominal width of a glass slide (ISO 8037-1: 26 × 76 mm, less the edge), the only scale that a
label or an overview without spacing of its own has."""


LINKED = "slide.ome.zarr"
"""Beside the instances: a folder of its own, as zarr's readers warn of files they do not know."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM instance as it was written."""

    picture: Picture
    written: Written
    sop_instance_uid: str
    sop_class_uid: str = VL_WHOLE_SLIDE


def write_dicom(
    slide: Slide,
    opener: OpenSource,
    plan: Plan,
    draft: Draft,
    context: Promise,
    mpp_um: tuple[float, float],
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[Instance, ...]:
    """Write all instances of a slide into a draft's result: levels, label and overview.

    Copied levels are written straight from the source, before the context need be known; the
    others from the tiles that the graph of tasks leaves in the draft. What the draft has already
    is not made again.
    """
    sink = FrameSink(draft.parts, plan)
    shares = Shares(progress, build=0.75, write=0.25)
    tiles = sum(step.level.tiles for step in plan.levels)
    part_of = {str(number): step.level.tiles / tiles for number, step in enumerate(plan.levels)}
    write = partial(
        _write_instance, draft, slide.facts, context, Shares(shares.of("write"), **part_of)
    )
    with ThreadPoolExecutor(2, "write") as beside:
        # Copying waits for the disk, building for the processors.
        copying = [
            beside.submit(write, picture, frames, _level_spacing(plan, picture.number, mpp_um))
            for picture, frames in copied_levels(slide, plan)
        ]
        depicting = beside.submit(_write_associated, slide, write)
        if any(sink.wants(level) for level in range(len(plan.levels))):
            from tiles.build import run  # dask: slow to load, and a plain copy needs none

            run(
                opener,
                plan,
                sink,
                scheduler=scheduler,
                progress=shares.of("build"),
                finished=draft.finished,
            )
        copied = (one.result() for one in copying)
        levels = {instance.picture.number: instance for instance in copied}
        shares.of("build")(1, 1)
        pictures = _encoded_levels(slide, plan, levels)
        spacings = (_level_spacing(plan, picture.number, mpp_um) for picture in pictures)
        frames = (sink.frames(picture.number) for picture in pictures)
        for instance in beside.map(write, pictures, frames, spacings):
            levels[instance.picture.number] = instance
        return (*(levels[number] for number in sorted(levels)), *depicting.result())


def _encoded_levels(slide: Slide, plan: Plan, copied: Mapping[int, Instance]) -> list[Picture]:
    lost = _lost(slide, copied)
    return [
        Picture(
            "level",
            number,
            step.level,
            plan.samples,
            encoded(plan.samples, plan.encoding),
            derived=number > 0,
            bits=plan.bits,
            planes=plan.planes,
            lost_before=lost if step.source_level in {None, 0} else slide.lost(number),
        )
        for number, step in enumerate(plan.levels)
        if step.action is not Action.COPY
    ]


def _write_associated(
    slide: Slide, write: Callable[[Picture, Frames, tuple[float, float]], Instance]
) -> list[Instance]:
    instances = []
    for role, name in (("label", "label"), ("overview", "macro")):
        if name in slide.associated:
            picture, frames = associated_picture(slide.associated[name], role)
            side = min(picture.level.width, picture.level.height)
            instances.append(write(picture, frames, (GLASS_WIDTH_UM / side,) * 2))
    return instances


def _write_instance(
    draft: Draft,
    facts: Facts,
    context: Promise,
    shares: Shares,
    picture: Picture,
    frames: Frames,
    mpp_um: tuple[float, float],
) -> Instance:
    make = partial(header, picture, facts, mpp_um)
    name = f"level-{picture.number}" if picture.role == "level" else picture.role
    progress = shares.of(str(picture.number)) if picture.role == "level" else None
    known = context.now()
    data = make(known)
    unfinished = draft.frames(name, data, frames, progress)
    if known is not (kept := context.kept()):
        data = make(kept)
    return Instance(picture, unfinished.finish(data), str(data.SOPInstanceUID))


def _lost(slide: Slide, copied: Mapping[int, Instance]) -> tuple[Loss, ...]:
    """What the pixels of level 0 went through before anything is encoded from them."""
    if 0 not in copied:
        return slide.lost(0)
    picture, written = copied[0].picture, copied[0].written
    method = picture.coding.lossy_method
    return (*picture.lost_before, *((Loss(method, written.ratio),) if method else ()))


def _level_spacing(plan: Plan, number: int, mpp_um: tuple[float, float]) -> tuple[float, float]:
    return spacing_of(plan.levels[number].level, plan.levels[0].level, mpp_um)


def link_zarr(
    folder: Path,
    instances: Sequence[Instance],
    plan: Plan,
    mpp_um: tuple[float, float],
    facts: Facts,
) -> None:
    """Lay the OME-Zarr group whose shards are the instances' own files into their folder."""
    from tiles.linked_zarr import LinkedLevel, link

    levels = [
        LinkedLevel(one.written.path, _level_spacing(plan, one.picture.number, mpp_um))
        for one in instances
        if one.picture.role == "level"
    ]
    # What a killed process may have left of it.
    shutil.rmtree(folder / LINKED, ignore_errors=True)
    derived = all(step.action is Action.DERIVE for step in plan.levels[1:])
    method = "box average" if derived else "as the scanner has it"
    channels = channels_of([level.path for level in levels], facts)
    step_um = facts.focal_spacing_um or 1.0
    link(folder / LINKED, levels, "slide", method, channels, step_um)
