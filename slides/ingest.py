"""The way of a slide into the archive: received → opened → built → published.

Every step ends in a state of the image and can be repeated: whoever runs `ingest_slide` again,
after a crash or elsewhere, goes on from the state it finds. Objects become the image's in the same
transaction as the state that promises them; what a crash leaves in the store without an owner is
swept later.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archive.catalog import Catalog
from archive.described import described_in
from archive.jobs import Job
from archive.record import Exam, Image, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from slides.blame import blaming_the_file
from slides.channels import channels_of, stored_image
from slides.convert import spacing
from slides.door import check_unread
from slides.draft import held
from slides.errors import NotFaithful
from slides.header import ENCODER, Context, Promise
from slides.instances import Instance, write_dicom
from slides.metadata import applied, decide, sources
from slides.open import open_slide
from slides.progress import Progress, Shares
from slides.slide import Facts, Slide
from slides.source_file import OpenSource, source_sha256
from slides.summary import facts_of
from slides.verify import verify
from tiles import plan as planning
from tiles.composite import Channel, Composite, is_composite
from tiles.composite import channels_of as kept
from tiles.render import thumbnail

PREVIEW_PX = 512
DICOM = "application/dicom"
JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of an ingest.

    `mpp_um` (x, y) overrides what the file says. With `verify` everything is read again out of the
    store before it is published, or where it is published already, and the report is kept among
    the image's facts, as `verified`.
    """

    mpp_um: tuple[float, float] | None = None
    verify: bool = False


def ingest_slide(
    original: Path,
    image: Image,
    catalog: Catalog,
    storage: Storage,
    drafts: Path,
    *,
    wish: Wish = Wish(),
    attempt: Job | None = None,
    progress: Progress | None = None,
) -> Image:
    """Bring a received slide to publication, from whatever state it has reached.

    `original` is the slide's file as received; `drafts` a folder that outlives this process, where
    what it leaves half-done is found by the next attempt; `attempt` the job that this is, so that
    a worker which lost its lease changes nothing. Raises what opening and converting raise,
    NotFaithful, LeaseLost and StorageFailure; the image stays in the state it reached.
    """
    judging = 0.4 if wish.verify else 0.0
    shares = Shares(progress, build=1 - judging, verify=judging)
    with blaming_the_file(original), open_slide(original, image.facts.get("scene")) as slide:
        if image.state is ImageState.RECEIVED:
            facts = facts_of(slide, spacing(slide.facts, wish.mpp_um))
            image = catalog.advance(image.id, ImageState.OPENED, facts=facts, attempt=attempt)
        if image.state is ImageState.OPENED:
            objects, seen = _build(
                slide, original, image, catalog, storage, drafts, shares.of("build")
            )
            image = catalog.advance(
                image.id, ImageState.BUILT, facts=seen, add_objects=objects, attempt=attempt
            )
        if wish.verify:
            image = _verified(slide, image, catalog, storage, attempt, shares.of("verify"))
    if image.state is ImageState.BUILT:
        image = catalog.advance(image.id, ImageState.PUBLISHED, attempt=attempt)
    return image


def _verified(
    slide: Slide,
    image: Image,
    catalog: Catalog,
    storage: Storage,
    attempt: Job | None,
    progress: Progress,
) -> Image:
    """Hold what the store has of an image against its original; the report becomes a fact."""
    is_published = image.state is ImageState.PUBLISHED
    if is_published:
        # What was found before counts no more, whatever is found now.
        catalog.attach(image.id, facts={"verified": None}, attempt=attempt)
    try:
        if source_sha256(slide.files) != image.source_sha256:
            raise NotFaithful("the original in the store is not the file that was received")
        with TemporaryDirectory(prefix="sansverre-") as folder:
            for one in image.objects:
                if one.media_type == DICOM:
                    name = one.role if one.level is None else f"{one.role}-{one.level}"
                    storage.lay_out(one.key, one.length_bytes, Path(folder, f"{name}.dcm"))
            plan = planning.full(slide.source)
            proof = verify(slide, plan, Path(folder), image.facts["mpp_um"], progress)
    except NotFaithful as error:
        now = "restore the store from its backup" if is_published else "nothing was kept"
        raise NotFaithful(f"{error}; {now}, ingest it again") from error
    return catalog.attach(image.id, facts={"verified": proof.as_json()}, attempt=attempt)


def _build(
    slide: Slide,
    original: Path,
    image: Image,
    catalog: Catalog,
    storage: Storage,
    drafts: Path,
    progress: Progress | None,
) -> tuple[list[StoredObject], dict[str, Any]]:
    """Convert into a draft and store every instance; say how its channels are seen."""
    exam = catalog.exam(image.exam_id, establishment=None, states=tuple(ImageState))
    plan = planning.full(slide.source)
    check_unread(slide.source, plan)
    context = Promise.of(_context(image, exam, plan, slide.scene))
    described = replace(slide, facts=applied(slide.facts, decide(sources(slide.facts)).metadata))
    x, y = image.facts["mpp_um"]
    shares = Shares(progress, convert=0.8, store=0.2)
    tell = shares.of("convert")
    made_of = "\n".join((ENCODER, image.source_sha256, plan.identity))
    with held(drafts / image.id, made_of, lambda _: None) as draft:
        opener = OpenSource(original, image.source_sha256, slide.scene)
        instances = write_dicom(described, opener, plan, draft, context, (x, y), None, tell)
        objects = []
        total_bytes = sum(instance.written.length_bytes for instance in instances)
        for instance in instances:
            objects.append(_store(instance, storage))
            stored_bytes = sum(one.length_bytes for one in objects)
            shares.of("store")(stored_bytes, total_bytes)
        levels = [one.written.path for one in instances if one.picture.role == "level"]
        # As they were seen before: nobody who looks on sees the light change.
        told = image.facts.get("channels")
        channels = kept(told, slide.source.pyramid) if told else channels_of(levels, slide.facts)
        preview = _preview(levels, slide.facts, channels)
    key = storage.put_bytes(preview)
    objects.append(StoredObject(ObjectRole.PREVIEW, key, len(preview), JPEG))
    seen: dict[str, Any] = {"channels": [asdict(one) for one in channels]} if channels else {}
    if slide.facts.focal_spacing_um is not None:
        seen["focal_spacing_um"] = slide.facts.focal_spacing_um
    return objects, seen


def _preview(levels: Sequence[Path], facts: Facts, channels: Sequence[Channel]) -> bytes:
    """A small JPEG out of the levels just written: the scanner's may be halved too seldom."""
    with stored_image(levels) as image:
        composite = is_composite(image.pyramid)
        source = Composite(image, channels) if composite else image
        return thumbnail(source, PREVIEW_PX, facts.icc_profile)


def _context(image: Image, exam: Exam, plan: planning.Plan, scene: int | None) -> Context:
    own = (exam.establishment, exam.study_instance_uid, str(image.incarnation))
    mark = () if scene is None else (f"scene {scene}",)
    return Context(
        seed=(image.source_sha256, plan.identity, *own, *mark),
        study_instance_uid=exam.study_instance_uid,
        study_at=exam.created_at,
        patient=exam.patient,
        accession_number=exam.accession_number,
        issuer_of_accession_number=exam.issuer_of_accession_number,
        scene=scene,
        glass=() if scene is None else (image.source_sha256, *own),
    )


def _store(instance: Instance, storage: Storage) -> StoredObject:
    role = ObjectRole(instance.picture.role)
    return StoredObject(
        role=role,
        key=storage.put(instance.written.path),
        length_bytes=instance.written.length_bytes,
        media_type=DICOM,
        level=instance.picture.number if role is ObjectRole.LEVEL else None,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        pixel_sha256=instance.written.pixel_sha256(),
        described=described_in(instance.written.path),
    )
