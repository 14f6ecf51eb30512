"""Taking files into the archive: examined, kept, recorded, and built through the queue."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.errors import NotTaken, PartsMissing, SandboxError
from api.originals import keep, keep_tile_map, read_mapped, take_stock
from api.sandbox import Progress, limits_for, one_line, run_limited, size_of
from api.wanted import BUILD
from api.work import Workplace, clear_refused, is_done, work_once
from archive.errors import ArchiveError, DifferentPatient, TransitionRefused
from archive.identity import PatientIdentity
from archive.jobs import Job
from archive.record import Image, ImageKind, ImageState, JobState, ObjectRole
from tiles.tile_map import MOST_BYTES

PLAN = "full"
ATTEMPTS = 10
"""More than crashes would take: a server that is restarted in the midst of a job spends one."""

NAMED, NAME_CHARACTERS = 10, 255
"""How many missing files are told, and how much of each name."""
WAIT_S = 0.5
FINAL = frozenset({JobState.DONE, JobState.FAILED})


@dataclass(frozen=True, slots=True)
class Order:
    """Whose the files are, as whoever brings them says."""

    establishment: str
    patient: PatientIdentity | None = None
    accession_number: str | None = None
    issuer: str | None = None
    """Who gave the accession number."""
    mpp_um: tuple[float, float] | None = None
    verify: bool = False
    """Whether slides are read again out of the store, before they are published."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is published; `verified` is what reading it again found, where that was asked."""

    image: str
    exam: str
    study_instance_uid: str
    state: str
    verified: dict[str, Any] | None = None
    scene: int | None = None
    """Which picture of the file it is, where that holds several."""
    scenes: int = 1
    """How many it holds, each of which is an image."""


def ingest(
    place: Workplace,
    file: Path,
    order: Order,
    progress: Progress | None = None,
    scene: int | None = None,
) -> Taken:
    """Take one file in and wait for its publication; doing it again resumes or changes nothing.

    Of several scenes it is the one with the number `scene`, or the first. Raises NotTaken with a
    reason for people.
    """
    with told_to_people():
        return publish(place, receive(place, file, order, scene), order, progress)


def publish(place: Workplace, image: Image, order: Order, progress: Progress | None) -> Taken:
    """Have a received image built and wait for its publication.

    Raises NotTaken, ArchiveError and OSError.
    """
    again = order.verify and image.kind is ImageKind.SLIDE
    ended = _build(place, image, order, progress) if again or not is_done(image) else None
    image = place.catalog.image(image.id, establishment=order.establishment)
    if image.state is not ImageState.PUBLISHED:
        raise NotTaken(one_line(image.reason or f"it stopped in the state {image.state}"))
    if ended is not None and ended.state is JobState.FAILED:
        raise NotTaken(one_line(ended.reason or "it could not be verified"))
    exam = place.catalog.exam(image.exam_id, establishment=order.establishment)
    return Taken(
        image.id,
        exam.id,
        exam.study_instance_uid,
        str(image.state),
        image.facts.get("verified") if order.verify else None,
        image.facts.get("scene"),
        image.facts.get("scenes", 1),
    )


@contextmanager
def told_to_people() -> Iterator[None]:
    """Whatever keeps a file out becomes NotTaken, with a reason of one line."""
    try:
        yield
    except (SandboxError, ArchiveError) as error:
        raise NotTaken(one_line(str(error))) from error
    except OSError as error:
        raise NotTaken(error.strerror or type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class Examined:
    """What a child found a file to be: `files` are all that it consists of."""

    file: Path
    kind: ImageKind
    files: tuple[Path, ...]
    facts: Mapping[str, Any]
    tile_map: bytes | None


def receive(place: Workplace, file: Path, order: Order, scene: int | None = None) -> Image:
    """The image of a file, in the state it has reached, with its original kept.

    Its tile map is kept with it, so that from this moment the image can be looked at. Raises
    SandboxError for a file that is refused, ArchiveError and OSError.
    """
    return take(place, examine(place, file.resolve(), order.mpp_um, scene), order)


def examine(
    place: Workplace,
    file: Path,
    mpp_um: tuple[float, float] | None = None,
    scene: int | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Examined:
    """Look a file over, before anything is kept of it; raises SandboxError and OSError."""
    with TemporaryDirectory(prefix="examined-", dir=place.scratch) as folder:
        draft = Path(folder, "tile-map")
        told = run_limited(
            "api.tasks:examine",
            {
                "path": str(file),
                "tile_map": str(draft),
                "mpp_um": list(mpp_um) if mpp_um else None,
                "scene": scene,
            },
            limits_for(size_of(file)),
            meanwhile=meanwhile,
            scratch=place.scratch,
        )
        if "missing" in told:
            missing = (one_line(str(one), NAME_CHARACTERS) for one in told["missing"][:NAMED])
            raise PartsMissing(one_line(str(told["message"])), tuple(missing))
        tile_map = _written(draft)
    files = tuple(Path(one) for one in told["files"])
    return Examined(file, ImageKind(told["kind"]), files, told["facts"], tile_map)


def take(
    place: Workplace,
    examined: Examined,
    order: Order,
    known: Mapping[Path, str] | None = None,
    put: Callable[[Path], str] | None = None,
) -> Image:
    """The image of a file that was looked over; raises as `receive`.

    `known` are digests of its files; `put` stores one and gives its key, where that was drawn
    before: then another process may be storing the same file under it, and it is left there.
    """
    files = list(examined.files)
    original = take_stock(examined.file, files, known)
    image = _received(place, examined, order, original.sha256)
    if image.state is ImageState.REFUSED:
        image = _anew(place, image)
    if image.state is not ImageState.RECEIVED or image.objects_as(ObjectRole.ORIGINAL):
        return image
    mapped = None if examined.tile_map is None else read_mapped(examined.tile_map, files, original)
    if put is None:
        objects, facts = keep(original, place.storage.put, undo=place.storage.delete)
    else:
        objects, facts = keep(original, put, undo=lambda _: None)
    if mapped is not None:
        objects.append(keep_tile_map(mapped, files, original, objects, place.storage))
    facts = {**examined.facts, **facts}
    image = place.catalog.keep_original(image.id, objects, facts=facts)
    # Whoever took the same file in at the same time may have been first.
    for one in set(objects) - set(image.objects):
        place.storage.delete(one.key)
    return image


def expected(place: Workplace, examined: Examined, order: Order) -> Order | None:
    """The order that the laboratory announced for a slide with this label; None for none."""
    if examined.kind is not ImageKind.SLIDE:
        return None
    barcodes = examined.facts.get("barcodes", ())
    found = place.catalog.cases.expected(order.establishment, barcodes)
    if found is None:
        return None
    return replace(
        order,
        patient=found.patient,
        accession_number=found.accession_number,
        issuer=found.issuer,
    )


def _received(place: Workplace, examined: Examined, order: Order, sha256: str) -> Image:
    """The image under the order that was stated; where none was, under that of its label."""

    def receive_as(said: Order) -> Image:
        return place.catalog.receive(
            establishment=said.establishment,
            kind=examined.kind,
            source_sha256=sha256,
            plan=_plan(examined.facts.get("scene")),
            patient=said.patient,
            accession_number=said.accession_number,
            issuer=said.issuer,
        )

    if order.patient is None and order.accession_number is None:
        announced = expected(place, examined, order)
        if announced is not None:
            # It may have come before its order did: then it is there under nobody, and is linked.
            with suppress(DifferentPatient):
                return receive_as(announced)
    return receive_as(order)


def _plan(scene: int | None) -> str:
    """What is to be made of a file; every scene of several is another image."""
    return PLAN if scene is None else f"{PLAN}, scene {scene}"


def _written(tile_map: Path) -> bytes | None:
    """What the child wrote, if it did and no more than a map may be."""
    if not tile_map.is_file() or tile_map.is_symlink() or tile_map.stat().st_size > MOST_BYTES:
        return None
    return tile_map.read_bytes()


def _anew(place: Workplace, image: Image) -> Image:
    """The refused image, received again; what its building left is deleted."""
    clear_refused(place, image.id)
    try:
        return place.catalog.advance(image.id, ImageState.RECEIVED)
    except TransitionRefused:
        # Another did so in between.
        return place.catalog.image(image.id, establishment=None)


def queue(place: Workplace, image: Image, order: Order) -> Job:
    """Ask for an image to be built, by whichever process comes first."""
    payload = {
        "mpp_um": list(order.mpp_um) if order.mpp_um else None,
        "verify": order.verify,
    }
    return place.catalog.jobs.enqueue(BUILD, image.id, payload, max_attempts=ATTEMPTS)


def _build(place: Workplace, image: Image, order: Order, progress: Progress | None) -> Job:
    """Have the image built, by this process or by whichever has the job already.

    Raises NotTaken where an attempt failed for now, though another will follow.
    """
    job = queue(place, image, order)
    ended = _awaited(place, job, progress)
    if ended.state is JobState.DONE and order.verify and not job.payload.get("verify"):
        # It had been asked for by somebody to whom the building was enough.
        return _build(place, image, order, progress)
    return ended


def _awaited(place: Workplace, job: Job, progress: Progress | None) -> Job:
    """The job once it has ended, done by whoever comes first."""
    while (now := place.catalog.jobs.job(job.id)).state not in FINAL:
        if now.state is JobState.WAITING and now.reason is not None:
            raise NotTaken(f"{now.reason}; the file is kept, see to it and ingest it again")
        if not work_once(place, progress):
            time.sleep(WAIT_S)
    return now
