"""From a scanner's file to DICOM or OME-Zarr: plan, build, assemble, and only then be visible."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slides.blame import blaming_the_file
from slides.door import check_unread
from slides.draft import Draft, draft_of, is_taken, publish
from slides.errors import (
    MissingSpacing,
    NotFaithful,
    OutputExists,
)
from slides.hiding import LabelPolicy, hide_label
from slides.lossless import refuse_loss
from slides.open import open_slide
from slides.progress import Progress, Shares
from slides.slide import Facts, Slide
from slides.source_file import OpenSource, identity_of, source_sha256
from tiles import plan as planning
from tiles.plan import Plan
from tiles.source import TileSource

if TYPE_CHECKING:
    from slides.header import Context, Promise
    from slides.instances import Instance
    from slides.metadata import Decided, Metadata
    from slides.proof import Proof


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a conversion.

    `quality` (1-100) and `mpp_um` (x, y) override what the file says; `scheduler` is the address
    of a `dask.distributed` scheduler whose workers see the same files; `lossless_only` refuses to
    encode the source's own pixels with loss; `label` is what becomes of the label and of the part
    of the macro that shows it; `verify` reads again all that was written; `metadata` is a CSV or
    JSON file about the slide; `deidentify` is the secret that pseudonyms are made with, where whose
    the slide is may not be told; larger instances than `max_instance_bytes` are cut into
    concatenations. `scene` is the only one to be converted, counted from 1.
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
    deidentify: str | None = field(default=None, repr=False)
    max_instance_bytes: int | None = None
    scene: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did; `scene` tells of which scene, where the file holds several."""

    out: Path
    to: str
    mpp_um: tuple[float, float]
    plan: Plan
    source_sha256: str
    files: tuple[str, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """What was done with the pictures beside the slide, by their names."""
    proof: "Proof | None" = None
    described: Mapping[str, Any] = field(default_factory=dict)
    """What the header says of the slide, and whose word each is (`Decided.as_json`)."""
    scene: int | None = None
    others: tuple["Report", ...] = ()
    """Of the scenes after this first one, where all were converted."""

    def as_json(self) -> dict[str, Any]:
        """For machines; sizes in pixels. Of several scenes a list of what was done with each."""
        if self.others:
            own = replace(self, others=())
            return {"scenes": [one.as_json() for one in (own, *self.others)]}
        return {
            "out": str(self.out),
            "scene": self.scene,
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
    planned: "Callable[[Sequence[Making]], None] | None" = None,
) -> Report:
    """Convert a slide into a folder that appears only when it is complete.

    Where a file holds several scenes and none is asked for, each goes into a folder of its own
    there: `scene-1` and so on. `planned` hears what will be made of each before anything begins.
    Raises OutputExists, MissingSpacing, InvalidMetadata, LossRefused, NoRoom, NotFaithful,
    what opening raises, and DamagedSlide for damage found on the way; then nothing is left behind.
    What a killed process left of the same conversion is gone on with; one that is under way is
    waited for.
    """
    if is_taken(out):
        raise OutputExists("the output already exists; remove it or name another", out)
    with (
        blaming_the_file(path),
        ExitStack() as opened,
        ThreadPoolExecutor(2, "beside") as beside,
    ):
        slides = _slides(path, request, opened)
        plans = [_plan_of(slide, request) for slide in slides]
        files = slides[0].files
        shares = _shares(progress, request, len(slides))
        digest = beside.submit(source_sha256, files, shares.of("digest"))
        # Slow to load, which the digest does not wait for.
        from slides.header import ENCODER, Promise
        from slides.metadata_file import read_metadata

        given = read_metadata(request.metadata, path) if request.metadata else None
        more = (given.fingerprint(),) if given else ()
        scenes = [_scene(*one, request, given) for one in zip(slides, plans, strict=True)]
        if planned is not None:
            planned(scenes)
        checks = [beside.submit(check_unread, one.slide.source, one.plan) for one in scenes]
        identities = [scene.plan.identity for scene in scenes]
        key = _key(request, ENCODER, *identities, *more, *map(identity_of, files))
        with draft_of(out, key, partial(_tell_waiting, progress)) as draft:
            receipt = draft.receipt
            if receipt is None:
                done = []
                for number, scene in enumerate(scenes):
                    make = partial(_context, scene, request.deidentify, more)
                    context = Promise(make(""), beside.submit(_once_known, make, digest))
                    opener = OpenSource(path, identity_of(path), scene.slide.scene)
                    part = draft.part(scene.folder) if len(scenes) > 1 else draft
                    tell = shares.of(f"build {number}"), shares.of(f"verify {number}")
                    done.append(_fill(part, scene, opener, request, context, *tell))
                for check in checks:
                    check.result()
                receipt = {"source_sha256": digest.result(), "scenes": done}
                publish(draft, out, key, receipt)
    return _report(out, request, scenes, receipt)


def _slides(path: Path, request: Request, opened: ExitStack) -> list[Slide]:
    """The pictures that are to be converted, open."""
    first = opened.enter_context(open_slide(path, request.scene))
    if request.scene is not None:
        return [first]
    rest = (open_slide(path, number) for number in first.shown[1:])
    return [first, *map(opened.enter_context, rest)]


def _plan_of(slide: Slide, request: Request) -> Plan:
    """How a picture will be made; raises MissingSpacing and LossRefused."""
    spacing(slide.facts, request.mpp_um)
    plan = plan_for(slide.source, request)
    if request.lossless_only:
        refuse_loss(slide.source, plan)
    return plan


def _shares(progress: Progress | None, request: Request, count: int) -> Shares:
    judging = 0.5 if request.verify else 0.0
    works = {"build": 0.9 - judging, "verify": judging}
    each = {f"{name} {n}": share / count for name, share in works.items() for n in range(count)}
    return Shares(progress, digest=0.1, **each)


@dataclass(frozen=True)
class Making:
    """One picture to be converted: what will be done with it and said of it."""

    slide: Slide
    plan: Plan
    mpp_um: tuple[float, float]
    decided: "Decided"

    @property
    def folder(self) -> str:
        """Where it goes within the result, where others go there too."""
        return f"scene-{self.slide.scene}"


def _scene(slide: Slide, plan: Plan, request: Request, given: "Metadata | None") -> Making:
    from slides.deidentify import anonymous, cleaned
    from slides.metadata import applied, decide, sources

    decided = decide([] if request.to == "zarr" else sources(slide.facts, given))
    if request.deidentify is not None:
        slide, decided = cleaned(slide), anonymous(decided, request.deidentify)
    described = replace(slide, facts=applied(slide.facts, decided.metadata))
    return Making(described, plan, spacing(slide.facts, request.mpp_um), decided)


def _fill(
    draft: Draft,
    scene: Making,
    opener: OpenSource,
    request: Request,
    context: "Promise",
    tell: Progress,
    tell_verified: Progress,
) -> dict[str, Any]:
    """Make all that is asked for as a draft's result, and say what there is."""
    from slides.concatenation import split
    from slides.instances import link_zarr, write_dicom

    slide, plan, mpp_um = scene.slide, scene.plan, scene.mpp_um
    done: Mapping[str, str] = {}
    instances: tuple[Instance, ...] = ()
    if request.to == "zarr":
        from slides.as_zarr import write_zarr

        write_zarr(draft, opener, plan, mpp_um, slide.facts, request.scheduler, tell)
    else:
        hides = request.deidentify is not None and request.label == "keep"
        shown = hide_label(slide.associated, slide.facts.format, "drop" if hides else request.label)
        done = shown.done
        slide = replace(slide, associated=shown.pictures)
        instances = write_dicom(
            slide, opener, plan, draft, context, mpp_um, request.scheduler, tell
        )
        if request.to == "both":
            link_zarr(draft.result, instances, plan, mpp_um, slide.facts)
    if request.to == "dicom" and request.max_instance_bytes is not None:
        split(instances, request.max_instance_bytes)
    proof = None
    if request.verify:
        from slides.verify import verify

        try:
            proof = verify(slide, plan, draft.result, mpp_um, tell_verified)
        except NotFaithful as error:
            raise NotFaithful(f"{error}; nothing was kept: convert it again") from error
    return {
        "files": sorted(one.name for one in draft.result.iterdir()),
        "beside": dict(done),
        "verified": proof.as_json() if proof else None,
    }


def _key(request: Request, *made_of: str) -> str:
    """What tells a result from every other one: what was asked, and of what it is made."""
    asked = replace(request, scheduler=None, metadata=None)
    return sha256("\n".join((repr(asked), *made_of)).encode()).hexdigest()


def _once_known(make: "Callable[[str], Context]", digest: Future[str]) -> "Context":
    return make(digest.result())


def _report(
    out: Path, request: Request, scenes: Sequence[Making], receipt: Mapping[str, Any]
) -> Report:
    """What was done, by this process or by another that did the same meanwhile."""
    first, *others = (
        Report(
            out=out / scene.folder if len(scenes) > 1 else out,
            to=request.to,
            mpp_um=scene.mpp_um,
            plan=scene.plan,
            source_sha256=receipt["source_sha256"],
            files=tuple(done["files"]),
            beside=done["beside"],
            proof=_proof(done["verified"]),
            described=scene.decided.as_json(),
            scene=scene.slide.scene,
        )
        for scene, done in zip(scenes, receipt["scenes"], strict=True)
    )
    return replace(first, others=tuple(others))


def _proof(said: dict[str, Any] | None) -> "Proof | None":
    if said is None:
        return None
    from slides.proof import Proof

    return Proof.from_json(said)


def _tell_waiting(progress: Progress | None, waited_s: float) -> None:
    # That it waits is a sign of life; how long yet nobody knows.
    if progress is not None:
        progress(0, 1 + round(waited_s))


def _context(
    scene: Making, secret: str | None, more: tuple[str, ...], source_sha256: str
) -> "Context":
    """Whose the slide is; under a secret, UIDs that nobody can find without it."""
    from slides.deidentify import Pseudonyms
    from slides.metadata import context_of

    number = scene.slide.scene
    mark = () if number is None else (f"scene {number}",)
    digest = source_sha256
    if secret is not None:
        digest = Pseudonyms(secret).digest("seed", source_sha256)
    made = context_of(scene.decided.metadata, digest, scene.plan.identity, *more, *mark)
    glass = () if number is None else (digest, *more)
    return replace(made, deidentified=secret is not None, scene=number, glass=glass)


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
