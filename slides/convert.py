"""From a scanner's file to DICOM or OME-Zarr: plan, build, assemble, and only then be visible."""

import errno
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slides.copying import associated_picture, copied_levels
from slides.errors import (
    CannotLink,
    DamagedSlide,
    MissingSpacing,
    NoRoom,
    OutputExists,
    UnsupportedSlide,
)
from slides.header import VL_WHOLE_SLIDE, Context, Picture, header
from slides.hiding import LabelPolicy, hide_label
from slides.lossless import refuse_loss
from slides.metadata import Decided, applied, context_of, decide, sources
from slides.metadata_file import read_metadata
from slides.open import open_slide
from slides.progress import Progress, Shares
from slides.slide import Facts, Slide
from slides.source_file import OpenSource, source_sha256
from tiles import plan as planning
from tiles.coding import Loss, encoded
from tiles.errors import NoLinks, TilesError, UnsupportedPixels
from tiles.frames import Frames, FrameSink, Written, write_instance
from tiles.plan import Action, Plan
from tiles.pyramid import spacing_of
from tiles.source import TileSource

if TYPE_CHECKING:
    from slides.verify import Proof

GLASS_WIDTH_UM = 25_000
"""Nominal width of a glass slide (ISO 8037-1: 26 × 76 mm, less the edge), the only scale that a
label or an overview without spacing of its own has."""


LINKED = "slide.ome.zarr"
"""Beside the instances: a folder of its own, as zarr's readers warn of files they do not know."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a conversion.

    `quality` (1-100) and `mpp_um` (x, y) override what the file says; `scheduler` is the address
    of a `dask.distributed` scheduler whose workers see the same files; `lossless_only` refuses to
    encode the source's own pixels with loss; `label` is what becomes of the label and of the part
    of the macro that shows it; `verify` reads again all that was written; `metadata` is a CSV or
    JSON file about the slide.
    """

    to: Literal["dicom", "zarr", "both"] = "dicom"
    levels: Literal["full", "source"] = "full"
    quality: int | None = None
    mpp_um: tuple[float, float] | None = None
    scheduler: str | None = None
    lossless_only: bool = False
    label: LabelPolicy = "keep"
    verify: bool = False
    metadata: Path | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM instance as it was written."""

    picture: Picture
    written: Written
    sop_instance_uid: str
    sop_class_uid: str = VL_WHOLE_SLIDE


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did."""

    out: Path
    to: str
    source_sha256: str
    mpp_um: tuple[float, float]
    plan: Plan
    files: tuple[str, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """What was done with the pictures beside the slide, by their names."""
    proof: "Proof | None" = None
    described: Mapping[str, Any] = field(default_factory=dict)
    """What the header says of the slide, and whose word each is (`Decided.as_json`)."""

    def as_json(self) -> dict[str, Any]:
        """For machines; sizes in pixels."""
        return {
            "out": str(self.out),
            "to": self.to,
            "source_sha256": self.source_sha256,
            "mpp_um": list(self.mpp_um),
            "quality": self.plan.quality,
            "levels": self.plan.as_json(),
            "files": list(self.files),
            "beside": dict(self.beside),
            "verified": self.proof.as_json() if self.proof else None,
            "described": dict(self.described),
        }


def convert(
    path: Path,
    out: Path,
    request: Request,
    progress: Progress | None = None,
    planned: Callable[[Plan, Decided], None] | None = None,
) -> Report:
    """Convert a slide into a folder that appears only when it is complete.

    `planned` hears what will be done and said before it begins. Raises OutputExists,
    MissingSpacing, InvalidMetadata, LossRefused, NoRoom, NotFaithful, what opening raises, and
    DamagedSlide for damage found on the way; then nothing is left behind.
    """
    if out.exists() or out.is_symlink():
        raise OutputExists("the output already exists; remove it or name another", out)
    with blaming_the_file(path), open_slide(path) as slide, _unpublished(out) as folder:
        mpp_um = spacing(slide.facts, request.mpp_um)
        plan = plan_for(slide.source, request)
        if request.lossless_only:
            refuse_loss(slide.source, plan)
        given = read_metadata(request.metadata, path) if request.metadata else None
        decided = decide([] if request.to == "zarr" else sources(slide.facts, given))
        if planned is not None:
            planned(plan, decided)
        judging = 0.5 if request.verify else 0.0
        shares = Shares(progress, digest=0.1, build=0.9 - judging, verify=judging)
        sha256 = source_sha256(slide.files, shares.of("digest"))
        opener = OpenSource(path, sha256)
        tell = shares.of("build")
        beside: Mapping[str, str] = {}
        if request.to == "zarr":
            _write_zarr(folder, opener, plan, mpp_um, request.scheduler, tell)
        else:
            context = context_of(
                decided.metadata, sha256, plan.identity, *([given.fingerprint()] if given else [])
            )
            shown = hide_label(slide.associated, slide.facts.format, request.label)
            beside = shown.done
            facts = applied(slide.facts, decided.metadata)
            public = replace(slide, facts=facts, associated=shown.pictures)
            instances = write_dicom(
                public, opener, plan, folder, context, mpp_um, request.scheduler, tell
            )
            if request.to == "both":
                _link_zarr(folder, instances, plan, mpp_um)
        files = tuple(sorted(one.name for one in folder.iterdir()))
        proof = _proof(slide, plan, folder, mpp_um, shares) if request.verify else None
    return Report(out, request.to, sha256, mpp_um, plan, files, beside, proof, decided.as_json())


def _proof(
    slide: Slide, plan: Plan, folder: Path, mpp_um: tuple[float, float], shares: Shares
) -> "Proof":
    from slides.verify import verify

    return verify(slide, plan, folder, mpp_um, shares.of("verify"))


def spacing(facts: Facts, given: tuple[float, float] | None) -> tuple[float, float]:
    """The extent (x, y) of a pixel in micrometres, as given or else as the file says."""
    mpp_um = given or facts.mpp_um
    if mpp_um is None:
        raise MissingSpacing("the file does not say how large a pixel is; give --mpp X[,Y] in µm")
    return mpp_um


def plan_for(source: TileSource, request: Request) -> Plan:
    """The plan that a request asks for."""
    if request.to == "zarr":
        base = source.pyramid.levels[0]
        suits = base.tile_width == base.tile_height and 128 <= base.tile_width <= 1024
        return planning.pixels_only(source, base.tile_width if suits else planning.ENCODED_TILE)
    make = planning.full if request.levels == "full" else planning.stored
    return make(source, request.quality)


def write_dicom(
    slide: Slide,
    opener: OpenSource,
    plan: Plan,
    folder: Path,
    context: Context,
    mpp_um: tuple[float, float],
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> tuple[Instance, ...]:
    """Write all instances of a slide into a folder: levels, label and overview.

    Copied levels are written straight from the source; the others from the tiles that the graph
    of tasks leaves in a folder inside, which is gone afterwards.
    """
    parts = folder / "parts"
    parts.mkdir()
    sink = FrameSink(parts, plan)
    shares = Shares(progress, build=0.75, write=0.25)
    tiles = sum(step.level.tiles for step in plan.levels)
    part_of = {str(number): step.level.tiles / tiles for number, step in enumerate(plan.levels)}
    write = partial(
        _write_instance, folder, slide.facts, context, Shares(shares.of("write"), **part_of)
    )
    with ThreadPoolExecutor(1, "copy") as beside:
        # Copying waits for the disk, building for the processors.
        copying = beside.submit(_copy_levels, slide, plan, mpp_um, write)
        if any(sink.wants(level) for level in range(len(plan.levels))):
            from tiles.build import run  # dask: slow to load, and a plain copy needs none

            run(opener, plan, sink, scheduler=scheduler, progress=shares.of("build"))
        levels = copying.result()
    shares.of("build")(1, 1)
    lost = _lost(slide, levels)
    for number, step in enumerate(plan.levels):
        if step.action is not Action.COPY:
            picture = Picture(
                "level",
                number,
                step.level,
                plan.samples,
                encoded(plan.samples),
                derived=number > 0,
                lost_before=lost if step.source_level in {None, 0} else slide.lost(number),
            )
            spacing_um = _level_spacing(plan, number, mpp_um)
            levels[number] = write(picture, sink.frames(number), spacing_um)
    instances = [levels[number] for number in sorted(levels)]
    shutil.rmtree(parts)
    for role, name in (("label", "label"), ("overview", "macro")):
        if name in slide.associated:
            picture, frames = associated_picture(slide.associated[name], role)
            side = min(picture.level.width, picture.level.height)
            instances.append(write(picture, frames, (GLASS_WIDTH_UM / side,) * 2))
    return tuple(instances)


def _write_instance(
    folder: Path,
    facts: Facts,
    context: Context,
    shares: Shares,
    picture: Picture,
    frames: Frames,
    mpp_um: tuple[float, float],
) -> Instance:
    data = header(picture, facts, mpp_um, context)
    name = f"level-{picture.number}" if picture.role == "level" else picture.role
    progress = shares.of(str(picture.number)) if picture.role == "level" else None
    written = write_instance(folder / f"{name}.dcm", data, frames, progress)
    return Instance(picture, written, str(data.SOPInstanceUID))


def _lost(slide: Slide, copied: Mapping[int, Instance]) -> tuple[Loss, ...]:
    """What the pixels of level 0 went through before anything is encoded from them."""
    if 0 not in copied:
        return slide.lost(0)
    picture, written = copied[0].picture, copied[0].written
    method = picture.coding.lossy_method
    return (*picture.lost_before, *((Loss(method, written.ratio),) if method else ()))


def _copy_levels(
    slide: Slide,
    plan: Plan,
    mpp_um: tuple[float, float],
    write: Callable[[Picture, Frames, tuple[float, float]], Instance],
) -> dict[int, Instance]:
    """Write the levels whose tiles are the source's own."""
    return {
        picture.number: write(picture, frames, _level_spacing(plan, picture.number, mpp_um))
        for picture, frames in copied_levels(slide, plan)
    }


def _level_spacing(plan: Plan, number: int, mpp_um: tuple[float, float]) -> tuple[float, float]:
    return spacing_of(plan.levels[number].level, plan.levels[0].level, mpp_um)


def _write_zarr(
    folder: Path,
    opener: OpenSource,
    plan: Plan,
    mpp_um: tuple[float, float],
    scheduler: str | None,
    progress: Progress | None,
) -> None:
    from tiles.build import run
    from tiles.ome_zarr import ZarrSink, create

    create(folder, plan, mpp_um, "slide")
    run(opener, plan, ZarrSink(folder, plan), scheduler=scheduler, progress=progress)


def _link_zarr(
    folder: Path, instances: Sequence[Instance], plan: Plan, mpp_um: tuple[float, float]
) -> None:
    from tiles.linked_zarr import LinkedLevel, link

    levels = [
        LinkedLevel(one.written.path, _level_spacing(plan, one.picture.number, mpp_um))
        for one in instances
        if one.picture.role == "level"
    ]
    derived = all(step.action is Action.DERIVE for step in plan.levels[1:])
    link(folder / LINKED, levels, "slide", "box average" if derived else "as the scanner has it")


@contextmanager
def blaming_the_file(path: Path) -> Iterator[None]:
    """Turn what the pixels' readers found on the way into an error that says what to do."""
    try:
        yield
    except UnsupportedPixels as error:
        raise UnsupportedSlide(f"{error}; export it as 8-bit grey or RGB", path) from error
    except NoLinks as error:
        raise CannotLink(str(error), path) from error
    except TilesError as error:
        raise DamagedSlide(f"{error}; fetch the file again from the scanner", path) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise NoRoom(
            "no room is left to write the result; make some and try again", path
        ) from error


@contextmanager
def _unpublished(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes `out` when all went well, and else is gone."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{uuid.uuid4().hex}.partial"
    folder.mkdir()
    try:
        yield folder
        if out.exists():
            raise OutputExists("the output appeared meanwhile; nothing was replaced", out)
        folder.rename(out)
    except BaseException:
        # Out of reach first: a worker elsewhere may still be writing.
        shutil.rmtree(folder.rename(folder.with_suffix(".removed")), ignore_errors=True)
        raise
