"""What runs in the sandbox: the functions that open what strangers made.

Each is called as `function(say, **arguments)` with JSON arguments and gives JSON. Imports are
inside, so that each child loads what its task needs and no more.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.photographs import is_photograph
from api.sandbox import Progress, Voice

if TYPE_CHECKING:
    from api.given_back import Held
    from archive.catalog import Catalog
    from archive.jobs import Job
    from archive.record import Image
    from archive.storage import Storage
    from slides.convert import Making
    from tiles.source import Pixels

_KEPT = ("api.settings", "archive.catalog", "archive.storage")
_SHOWN = (*_KEPT, "tiles.instance")
NEEDS: dict[str, tuple[str, ...]] = {
    "examine": ("slides.blame", "slides.mapping", "slides.open", "slides.summary"),
    "build_slide": (*_KEPT, "slides.ingest", "tiles.build"),
    "build_photo": (*_KEPT, "dermato.ingest"),
    "look": ("dermato.codes", "dermato.glance", "dermato.photo", "dermato.quality"),
    "align": (*_SHOWN, "dermato.alignment"),
    "read_ruler": (*_SHOWN, "dermato.ingest"),
    "find_diameter": (*_SHOWN, "dermato.border"),
    "held": ("api.given_back",),
}
"""The modules that are loaded once for all the children that run a function, where many do."""


def describe(say: Progress, path: str, scene: int | None = None) -> dict[str, Any]:
    """What `sansverre info` tells of a slide's file."""
    from slides.open import open_slide

    with open_slide(Path(path), scene) as slide:
        say(1, 1)
        source, facts = slide.source, slide.facts
        return {
            "format": facts.format,
            "levels": [
                {
                    "width": level.width,
                    "height": level.height,
                    "tile_width": level.tile_width,
                    "tile_height": level.tile_height,
                    "encoding": str(source.encoding(index)),
                }
                for index, level in enumerate(source.pyramid.levels)
            ],
            "bits": source.pyramid.bits,
            "optical_paths": 1 + max(plane.optical_path for plane in source.pyramid.planes),
            "focal_planes": 1 + max(plane.focal_plane for plane in source.pyramid.planes),
            "channels": [channel.name for channel in facts.channels],
            "mpp_um": list(facts.mpp_um) if facts.mpp_um else None,
            "objective_power": facts.objective_power,
            "icc_profile": facts.icc_profile is not None,
            "associated_images": sorted(slide.associated),
            "barcodes": list(facts.barcodes),
            "scenes": [
                {"scene": number, "width": one.width, "height": one.height, "name": one.name}
                for number, one in enumerate(slide.scenes, 1)
            ],
            "scene": slide.scene,
        }


def convert(say: Voice, path: str, out: str, request: dict[str, Any]) -> dict[str, Any]:
    """Convert a slide's file into a folder that appears when complete; gives the report.

    The levels as they are planned and what headers will say are told before the work begins.
    """
    from slides.convert import Request, convert

    mpp_um = request["mpp_um"]
    metadata = request["metadata"]
    typed = {
        "mpp_um": tuple(mpp_um) if mpp_um else None,
        "metadata": Path(metadata) if metadata else None,
    }

    def tell(scenes: "Sequence[Making]") -> None:
        say.tell(
            [
                {
                    "scene": one.slide.scene,
                    "levels": one.plan.as_json(),
                    "described": one.decided.as_json(),
                }
                for one in scenes
            ]
        )

    report = convert(Path(path), Path(out), Request(**{**request, **typed}), say, tell)
    return report.as_json()


def examine(
    say: Progress, path: str, tile_map: str, mpp_um: list[float] | None, scene: int | None = None
) -> dict[str, Any]:
    """What a file is, by its content: a photograph or a slide, and the files it consists of.

    Of a slide also what is known of it, and how it can be seen before it is converted: by a tile
    map, which is written to the path `tile_map`, or drawn by its reader. Of one whose other files
    are not beside it, their names and what is wrong.
    """
    from slides.errors import MissingFile

    file = Path(path)
    if is_photograph(file):
        return {"kind": "photo", "files": [str(file)], "facts": {}}
    try:
        return _examine_slide(say, file, tile_map, mpp_um, scene)
    except MissingFile as error:
        # An error's words are logged by some: names are told beside them.
        return {"missing": list(error.missing), "message": str(error)}


def taken_on(say: Progress, path: str) -> str | None:
    """The day on which a photograph was taken, as its camera says; None where it does not."""
    from dermato.photo import open_photo

    taken_at = open_photo(Path(path)).facts.camera.taken_at
    say(1, 1)
    return taken_at.date().isoformat() if taken_at else None


def _examine_slide(
    say: Progress, file: Path, tile_map: str, mpp_um: list[float] | None, scene: int | None
) -> dict[str, Any]:
    from slides.blame import blaming_the_file
    from slides.mapping import drawn, early_tile_size, tile_map_of
    from slides.open import open_slide
    from slides.summary import facts_of
    from tiles.tile_map import write_tile_map

    with blaming_the_file(file), open_slide(file, scene) as slide:
        say(1, 1)
        spacing = tuple(mpp_um) if mpp_um else slide.facts.mpp_um
        tile_size = early_tile_size(slide)
        early: dict[str, Any] = {}
        if tile_size is not None:
            found = tile_map_of(slide, tile_size)
            if found is not None:
                Path(tile_map).write_bytes(write_tile_map(found))
            source, channels = drawn(slide, tile_size)
            early["early"] = {
                "tile_size": tile_size,
                "samples": source.pyramid.samples,
                "levels": [[level.width, level.height] for level in source.pyramid.levels],
            }
            if channels:
                early["channels"] = [asdict(one) for one in channels]
        return {
            "kind": "slide",
            "files": [str(one) for one in slide.files],
            "facts": {**facts_of(slide, spacing), **early},
        }


def read_order(say: Progress, path: str, slide: str) -> dict[str, str | None]:
    """Whose a slide is, and by which order, as the metadata file beside it says."""
    from slides.metadata_file import read_metadata

    said = read_metadata(Path(path), Path(slide))
    say(1, 1)
    return {
        "patient_id": said.patient_id,
        "issuer_of_patient_id": said.issuer_of_patient_id,
        "patient_name": said.patient_name,
        "birth_date": said.birth_date.isoformat() if said.birth_date else None,
        "sex": said.sex,
        "accession_number": said.accession_number,
        "issuer_of_accession_number": said.issuer_of_accession_number,
        "study_instance_uid": said.study_instance_uid,
    }


def pixels(
    path: str,
    tile_size: int,
    scene: int | None = None,
    channels: list[dict[str, Any]] | None = None,
) -> Callable[[int, tuple[int, int, int, int]], bytes]:
    """What gives the pixels of a box of a level of a slide, on the grid that it will be seen on."""
    from slides.mapping import drawn
    from slides.open import open_unread
    from tiles.composite import channels_of
    from tiles.pyramid import Box

    slide = open_unread(Path(path), scene)
    known = channels_of(channels, slide.source.pyramid) if channels else None
    source, _ = drawn(slide, tile_size, known)
    return lambda level, box: source.pixels(level, Box(*box)).tobytes()


def build_photo(say: Progress, image: str, job: int, attempt: int, original: str) -> None:
    """Bring a received photograph to publication, from the state it has reached."""
    from dermato.ingest import ingest_photo

    with _held(image, job, attempt) as (received, lease, catalog, storage):
        ingest_photo(Path(original), received, catalog, storage, attempt=lease)
        say(1, 1)


def build_slide(
    say: Progress, image: str, job: int, attempt: int, original: str, drafts: str
) -> None:
    """Bring a received slide to publication, from the state it has reached."""
    from slides.ingest import Wish, ingest_slide

    with _held(image, job, attempt) as (received, lease, catalog, storage):
        mpp_um = lease.payload.get("mpp_um")
        ingest_slide(
            Path(original),
            received,
            catalog,
            storage,
            Path(drafts),
            wish=Wish(tuple(mpp_um) if mpp_um else None, bool(lease.payload.get("verify"))),
            attempt=lease,
            progress=say,
        )


@contextmanager
def _held(image: str, job: int, attempt: int) -> "Iterator[tuple[Image, Job, Catalog, Storage]]":
    """What is built, by which lease, and where; raises LeaseLost where another attempt has it."""
    from api.settings import read_settings
    from archive.catalog import Catalog
    from archive.errors import LeaseLost
    from archive.storage import Storage

    settings = read_settings()
    storage = Storage.open(settings.objects_url)
    with Catalog.open(settings.database_url) as catalog:
        lease = catalog.jobs.job(job)
        if lease.attempt != attempt:
            raise LeaseLost("Another attempt has taken this job over.")
        yield catalog.image(image, establishment=None), lease, catalog, storage


def look(say: Progress, path: str, preview: str) -> dict[str, Any]:
    """What may be wrong with a photograph, what is known of it, and the codes that it shows.

    A small one is written to the path `preview`.
    """
    from dermato.codes import codes_in
    from dermato.glance import facts_of
    from dermato.glance import preview as preview_of
    from dermato.photo import open_photo
    from dermato.quality import VERSION, check
    from tiles.codec import decode

    photo = open_photo(Path(path))
    Path(preview).write_bytes(preview_of(photo))
    say(1, 2)
    pixels = decode(photo.whole)
    codes = codes_in(pixels)
    found = check(pixels, codes)
    say(2, 2)
    told = [{"kind": one.kind, "value": one.value, "limit": one.limit} for one in found]
    return {
        "version": VERSION,
        "found": told,
        "codes": list(codes),
        "facts": facts_of(photo),
    }


def align(say: Progress, first: str, second: str) -> dict[str, Any]:
    """How one stored photograph lies on another, as `archive.reading_aids.Comparison` keeps it."""
    from dermato.alignment import VERSION, Aligned, lay, see

    # One after the other: only what stands out of the first is kept while the second is decoded.
    one = see(_stored(first))
    say(1, 3)
    other = see(_stored(second))
    say(2, 3)
    found = lay(one, other)
    if isinstance(found, Aligned):
        told = {"matrix": found.matrix, "model": "homography", "agreement": found.agreement}
        return {"version": VERSION, **told}
    return {"version": VERSION, "reason": found.why}


def read_ruler(say: Progress, image: str) -> dict[str, Any]:
    """What scale a stored photograph's ruler gives, as `RulerReading` keeps it."""
    from dermato.ingest import reading_of
    from dermato.ruler import read_ruler

    pixels = _stored(image)
    say(1, 2)
    told = asdict(reading_of(image, read_ruler(pixels)))
    del told["image"]
    return told


def find_diameter(say: Progress, image: str) -> dict[str, Any]:
    """Where a stored photograph's lesion is longest, or why that is not said."""
    from dermato.border import VERSION, Diameter, find_diameter

    pixels = _stored(image)
    say(1, 2)
    found = find_diameter(pixels)
    if isinstance(found, Diameter):
        ends = [found.start, found.end]
        return {"version": VERSION, "ends": ends, "marking_px": found.marking_px}
    return {"version": VERSION, "reason": found.why}


def _stored(image: str) -> "Pixels":
    """The pixels of a published photograph: (rows, columns, samples)."""
    from functools import partial

    from api.settings import read_settings
    from archive.catalog import Catalog
    from archive.record import ObjectRole
    from archive.storage import Storage
    from tiles.instance import StoredImage, read_index
    from tiles.pyramid import Box

    settings = read_settings()
    storage = Storage.open(settings.objects_url)
    with Catalog.open(settings.database_url) as catalog:
        (kept,) = catalog.image(image, establishment=None).objects_as(ObjectRole.PHOTO)
    read = partial(storage.read_range, kept.key)
    source = StoredImage([(read_index(read, kept.length_bytes), read)])
    whole = source.pyramid.level(0)
    return source.pixels(0, Box(0, 0, whole.width, whole.height))


def held(say: Progress, sent: str, back: str) -> "Held":
    """How a file that an archive gave back differs from the instance that it was sent."""
    from api.given_back import held

    return held(say, Path(sent), Path(back))


def reindex(say: Progress, path: str, draft: str) -> bool:
    """Write a DICOM instance with its zarr index as `draft`; False where it has it already."""
    from tiles.reindex import reindex

    return reindex(Path(path), Path(draft), say)
