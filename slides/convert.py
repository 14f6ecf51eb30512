"""From a scanner's file to DICOM or OME-Zarr: plan, build, assemble, and only then be visible."""

import errno
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slides.door import check_unread
from slides.draft import Draft, draft_of, is_taken, publish
from slides.errors import (
    CannotLink,
    DamagedSlide,
    MissingSpacing,
    NoRoom,
    NotFaithful,
    OutputExists,
    UnsupportedSlide,
)
from slides.hiding import LabelPolicy, hide_label
from slides.lossless import refuse_loss
from slides.open import open_slide
from slides.progress import Progress, Shares
from slides.slide import Facts, Slide
from slides.source_file import OpenSource, identity_of, source_sha256
from tiles import plan as planning
from tiles.errors import NoLinks, TilesError, UnsupportedPixels
from tiles.plan import Plan
from tiles.source import TileSource

if TYPE_CHECKING:
    from slides.header import Context, Promise
    from slides.instances import Instance
    from slides.metadata import Decided, Metadata
    from slides.verify import Proof


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a conversion.

    `quality` (1-100) and `mpp_um` (x, y) override what the file says; `scheduler` is the address
    of a `dask.distributed` scheduler whose workers see the same files; `lossless_only` refuses to
    encode the source's own pixels with loss; `label` is what becomes of the label and of the part
    of the macro that shows it; `verify` reads again all that was written; `metadata` is a CSV or
    JSON file about the slide; `deidentify` is the secret that pseudonyms are made with, where whose
    the slide is may not be told; larger instances than `max_instance_bytes` are cut into
    concatenations.
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


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did."""

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
    planned: "Callable[[Plan, Decided], None] | None" = None,
) -> Report:
    """Convert a slide into a folder that appears only when it is complete.

    `planned` hears what will be done and said before it begins. Raises OutputExists,
    MissingSpacing, InvalidMetadata, LossRefused, NoRoom, NotFaithful, what opening raises, and
    DamagedSlide for damage found on the way; then nothing is left behind. What a killed process
    left of the same conversion is gone on with; one that is under way is waited for.
    """
    if is_taken(out):
        raise OutputExists("the output already exists; remove it or name another", out)
    with (
        blaming_the_file(path),
        open_slide(path) as opened,
        ThreadPoolExecutor(1, "digest") as beside,
    ):
        mpp_um = spacing(opened.facts, request.mpp_um)
        plan = plan_for(opened.source, request)
        if request.lossless_only:
            refuse_loss(opened.source, plan)
        judging = 0.5 if request.verify else 0.0
        shares = Shares(progress, digest=0.1, build=0.9 - judging, verify=judging)
        digest = beside.submit(source_sha256, opened.files, shares.of("digest"))
        # Slow to load, which the digest does not wait for.
        from slides.deidentify import anonymous, cleaned
        from slides.header import ENCODER, Promise
        from slides.metadata import applied, decide, sources
        from slides.metadata_file import read_metadata

        given = read_metadata(request.metadata, path) if request.metadata else None
        decided = decide([] if request.to == "zarr" else sources(opened.facts, given))
        secret = request.deidentify
        slide = opened if secret is None else cleaned(opened)
        decided = decided if secret is None else anonymous(decided, secret)
        if planned is not None:
            planned(plan, decided)
        check_unread(slide.source, plan)
        report = partial(Report, out, request.to, mpp_um, plan, described=decided.as_json())
        seed = (plan.identity, *([given.fingerprint()] if given else []))
        key = _key(request, ENCODER, *seed, *map(identity_of, slide.files))
        make = partial(_context, decided.metadata, secret, seed)
        context = Promise(make(""), beside.submit(lambda: make(digest.result())))
        described = replace(slide, facts=applied(slide.facts, decided.metadata))
        opener = OpenSource(path, identity_of(path))
        with draft_of(out, key, partial(_tell_waiting, progress)) as draft:
            if draft.receipt is not None:
                return report(**_done_by(draft.receipt))
            done = _fill(draft, described, opener, plan, request, mpp_um, context, shares)
            receipt = {"source_sha256": digest.result(), **done}
            publish(draft, out, key, receipt)
    return report(**_done_by(receipt))


def _fill(
    draft: Draft,
    slide: Slide,
    opener: OpenSource,
    plan: Plan,
    request: Request,
    mpp_um: tuple[float, float],
    context: "Promise",
    shares: Shares,
) -> dict[str, Any]:
    """Make all that is asked for as a draft's result, and say what there is."""
    from slides.concatenation import split
    from slides.instances import link_zarr, write_dicom

    tell = shares.of("build")
    done: Mapping[str, str] = {}
    instances: tuple[Instance, ...] = ()
    if request.to == "zarr":
        from slides.as_zarr import write_zarr

        write_zarr(draft, opener, plan, mpp_um, slide.facts, request.scheduler, tell)
    else:
        hides = request.deidentify is not None and request.label == "keep"
        shown = hide_label(slide.associated, slide.facts.format, "drop" if hides else request.label)
        done = shown.done
        public = replace(slide, associated=shown.pictures)
        instances = write_dicom(
            public, opener, plan, draft, context, mpp_um, request.scheduler, tell
        )
        if request.to == "both":
            link_zarr(draft.result, instances, plan, mpp_um, slide.facts)
    if request.to == "dicom" and request.max_instance_bytes is not None:
        split(instances, request.max_instance_bytes)
    proof = _proof(slide, plan, draft.result, mpp_um, shares) if request.verify else None
    return {
        "files": sorted(one.name for one in draft.result.iterdir()),
        "beside": dict(done),
        "verified": proof.as_json() if proof else None,
    }


def _key(request: Request, *made_of: str) -> str:
    """What tells a result from every other one: what was asked, and of what it is made."""
    asked = replace(request, scheduler=None, metadata=None)
    return sha256("\n".join((repr(asked), *made_of)).encode()).hexdigest()


def _done_by(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a report that whoever did the work knows."""
    proof = None
    if receipt["verified"] is not None:
        from slides.verify import Proof

        proof = Proof.from_json(receipt["verified"])
    return {
        "source_sha256": receipt["source_sha256"],
        "files": tuple(receipt["files"]),
        "beside": receipt["beside"],
        "proof": proof,
    }


def _tell_waiting(progress: Progress | None, waited_s: float) -> None:
    # That it waits is a sign of life; how long yet nobody knows.
    if progress is not None:
        progress(0, 1 + round(waited_s))


def _proof(
    slide: Slide, plan: Plan, folder: Path, mpp_um: tuple[float, float], shares: Shares
) -> "Proof":
    from slides.verify import verify

    try:
        return verify(slide, plan, folder, mpp_um, shares.of("verify"))
    except NotFaithful as error:
        raise NotFaithful(f"{error}; nothing was kept: convert it again") from error


def _context(
    said: "Metadata", secret: str | None, seed: tuple[str, ...], source_sha256: str
) -> "Context":
    """Whose the slide is; under a secret, UIDs that nobody can find without it."""
    from slides.deidentify import Pseudonyms
    from slides.metadata import context_of

    if secret is None:
        return context_of(said, source_sha256, *seed)
    hidden = Pseudonyms(secret).digest("seed", source_sha256, *seed)
    return replace(context_of(said, hidden), deidentified=True)


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
