"""The catalogue: which images exist, whose they are, where their objects lie, and their state."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import instance_rows, one_time_keys, outbox, reading, reception, schema
from archive.advices import Advices
from archive.backlog import Backlog
from archive.biopsies import Biopsies
from archive.cases import scans
from archive.cases.cases import Cases
from archive.commitments.requests import Commitments
from archive.covers import Covers
from archive.database import Database
from archive.departures import Departures
from archive.deposits import Deposits
from archive.errors import TransitionRefused
from archive.gallery import Gallery
from archive.homeward import require_here
from archive.identities.identities import Identities
from archive.identity import PatientIdentity
from archive.instances import Instances
from archive.invoked.invocations import Invocations
from archive.jobs import Job, Jobs, require_lease
from archive.lesions import Lesions
from archive.messages.inbox import Inbox
from archive.moves import Moves
from archive.phones import Phones
from archive.photographs import Photographs
from archive.pictures import Pictures
from archive.priors.priors import Priors
from archive.proposals import Proposals
from archive.reading_aids import ReadingAids
from archive.received.keeping import Received
from archive.record import (
    TRANSITIONS,
    Exam,
    Image,
    ImageKind,
    ImageState,
    ObjectRole,
    Page,
    StoredObject,
)
from archive.reports.reports import Reports
from archive.resources.resources import Resources
from archive.sessions import Sessions
from archive.sharing.sharing import Sharing
from archive.telling.queue import Outbox
from archive.timeline.lines import Timelines
from archive.uploads import Uploads
from archive.worklist.worklist import Worklist

PUBLISHED_ONLY = (ImageState.PUBLISHED,)


class Catalog:
    """Every record of the archive. Safe to use from several threads and processes at once.

    `establishment=None` means every establishment and is for the operator's own processes; with a
    name, what belongs to another establishment is answered exactly as what does not exist.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.jobs = Jobs(database)
        self.deposits = Deposits(database)
        self.uploads = Uploads(database)
        self.lesions = Lesions(database)
        self.photographs = Photographs(database)
        self.departures = Departures(database)
        self.advices = Advices(database)
        self.gallery = Gallery(database)
        self.phones = Phones(database)
        self.sessions = Sessions(database)
        self.pictures = Pictures(database)
        self.biopsies = Biopsies(database)
        self.aids = ReadingAids(database)
        self.proposals = Proposals(database)
        self.moves = Moves(database)
        self.covers = Covers(database)
        self.commitments = Commitments(database)
        self.outbox = Outbox(database)
        self.backlog = Backlog(database)
        self.instances = Instances(database)
        self.inbox = Inbox(database)
        self.cases = Cases(database)
        self.received = Received(database)
        self.identities = Identities(database)
        self.reports = Reports(database)
        self.sharing = Sharing(database)
        self.timelines = Timelines(database)
        self.priors = Priors(database)
        self.invoked = Invocations(database)
        self.resources = Resources(database)
        self.worklist = Worklist(database)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the catalogue at an SQLAlchemy URL, made or brought up to date first.

        `sqlite:////folder/catalog.sqlite` makes its folder. Raises StorageFailure.
        """
        return cls(Database.open(url))

    def close(self) -> None:
        """Release the connections; safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """Read one row, for a readiness probe; raises StorageFailure."""
        self._database.require_same_file()
        with self._database.read() as connection:
            connection.execute(sa.select(schema.image_transition).limit(1)).all()

    def receive(
        self,
        *,
        establishment: str,
        kind: ImageKind,
        source_sha256: str,
        plan: str,
        patient: PatientIdentity | None = None,
        accession_number: str | None = None,
        issuer: str | None = None,
    ) -> Image:
        """Give the image of this file for this patient: new (received), or as it already stands.

        `issuer` is who gave the accession number. The patient's traits are kept as first received
        (`identities` changes them). Raises DifferentPatient when the file, or the accession
        number, is archived under another patient (or none) of the establishment, or the number is
        that of somebody with other traits, and InvalidIdentity.
        """
        arrival = reception.Arrival(
            establishment, kind, source_sha256, plan, patient, accession_number, issuer
        ).checked()
        with self._database.write() as connection:
            image_id = reception.receive(connection, arrival, datetime.now(UTC))
            return reading.image(connection, image_id, arrival.establishment)

    def advance(
        self,
        image_id: str,
        to: ImageState,
        *,
        facts: Mapping[str, Any] | None = None,
        add_objects: Iterable[StoredObject] = (),
        attempt: Job | None = None,
    ) -> Image:
        """Move the image on, with its new objects and facts (merged), in one transaction.

        Give the claimed job as `attempt` so that a worker which lost it changes nothing. Raises
        TransitionRefused, LeaseLost, NotFound.
        """
        if to is ImageState.REFUSED:
            raise TransitionRefused("An image is refused for a reason, with its job.")
        values: dict[str, Any] = {"state": to, "reason": None}
        if to is ImageState.PUBLISHED:
            values["published_at"] = datetime.now(UTC)
        with self._changing(image_id, attempt) as (connection, image):
            _require_transition(image, to)
            # The objects come first: the database refuses to publish an image without any.
            instance_rows.add_objects(connection, image.id, add_objects)
            _update(connection, image, **values, **_merged(image, facts))
            changed = reading.image(connection, image_id, None)
            if to is ImageState.PUBLISHED:
                outbox.published(connection, changed)
                scans.record(connection, changed)
            return changed

    def attach(
        self,
        image_id: str,
        objects: Iterable[StoredObject] = (),
        *,
        facts: Mapping[str, Any] | None = None,
        attempt: Job | None = None,
    ) -> Image:
        """Add objects and facts (merged) without moving the image. Raises as `advance`."""
        with self._changing(image_id, attempt) as (connection, image):
            instance_rows.add_objects(connection, image.id, objects)
            if facts:
                _update(connection, image, **_merged(image, facts))
            return reading.image(connection, image_id, None)

    def keep_original(
        self, image_id: str, objects: Iterable[StoredObject], *, facts: Mapping[str, Any]
    ) -> Image:
        """Add the original of a received image, once: who comes second changes nothing.

        What was not taken is missing in the image that is given. Raises NotFound.
        """
        with self._changing(image_id, None) as (connection, image):
            if image.state is not ImageState.RECEIVED or image.objects_as(ObjectRole.ORIGINAL):
                return image
            instance_rows.add_objects(connection, image.id, objects)
            _update(connection, image, **_merged(image, facts))
            kept = reading.image(connection, image_id, None)
            scans.record(connection, kept)
            return kept

    def remove_objects(
        self, image_id: str, role: ObjectRole, *, attempt: Job | None = None
    ) -> tuple[StoredObject, ...]:
        """Forget the image's objects of a role and give them, for the caller to delete.

        Raises TransitionRefused where a published image would lose its last level or photo.
        """
        column = schema.stored_object.c
        with self._changing(image_id, attempt) as (connection, image):
            connection.execute(
                sa.delete(schema.stored_object).where(
                    column.image_id == image_id, column.role == role
                )
            )
            return image.objects_as(role)

    def clear_refused(self, image_id: str | None = None) -> tuple[str, ...]:
        """Forget the objects of refused images, or of this one, and give their keys for deletion.

        An image that is not refused, or no longer, keeps all it has.
        """
        image, column = schema.image.c, schema.stored_object.c
        refused = sa.select(image.id).where(image.state == ImageState.REFUSED)
        if image_id is not None:
            refused = refused.where(image.id == image_id)
        forgotten = sa.delete(schema.stored_object).where(column.image_id.in_(refused))
        with self._database.write() as connection:
            return tuple(connection.scalars(forgotten.returning(column.key)))

    def clear_tile_maps(self, published_before: datetime) -> tuple[str, ...]:
        """Forget the tile maps of images published before then; gives their keys for deletion."""
        image, column = schema.image.c, schema.stored_object.c
        converted = sa.select(image.id).where(image.published_at < published_before)
        forgotten = sa.delete(schema.stored_object).where(
            column.role == ObjectRole.TILE_MAP, column.image_id.in_(converted)
        )
        with self._database.write() as connection:
            return tuple(connection.scalars(forgotten.returning(column.key)))

    def image(self, image_id: str, *, establishment: str | None) -> Image:
        """Look an image up, with its objects; raises NotFound.

        One that goes home is nobody's until it is there.
        """
        with self._database.read() as connection:
            found = reading.image(connection, image_id, establishment)
            require_here(connection, image_id)
            return found

    def exam(
        self,
        exam_id: str,
        *,
        establishment: str | None,
        states: Collection[ImageState] = PUBLISHED_ONLY,
    ) -> Exam:
        """Look an exam up, with its images in the given states; NotFound when it has none."""
        with self._database.read() as connection:
            return reading.exam(connection, exam_id, establishment, states)

    def exam_alone(self, exam_id: str, *, establishment: str | None) -> Exam:
        """Look an exam up without its images, of which it need not have any; raises NotFound."""
        with self._database.read() as connection:
            return reading.exam_alone(connection, exam_id, establishment)

    def exams(
        self,
        *,
        establishment: str | None,
        limit: int = 50,
        after: str | None = None,
        states: Collection[ImageState] = PUBLISHED_ONLY,
    ) -> Page:
        """List exams with an image in the given states, newest first; `after` is `Page.after`.

        Raises NotFound for an `after` that names no exam.
        """
        with self._database.read() as connection:
            return reading.page(connection, establishment, limit, after, states)

    def patient(self, key: str, *, establishment: str | None) -> PatientIdentity:
        """Look a patient up by what addresses name them by; raises NotFound."""
        with self._database.read() as connection:
            return reading.patient(connection, key, establishment)

    def exams_of_patient(
        self,
        key: str,
        *,
        establishment: str | None,
        states: Collection[ImageState] = PUBLISHED_ONLY,
    ) -> tuple[Exam, ...]:
        """The exams of a patient with an image in the given states, newest first."""
        with self._database.read() as connection:
            return reading.exams_of_patient(connection, key, establishment, states)

    def patient_of_order(
        self, establishment: str, accession_number: str, issuer: str | None = None
    ) -> PatientIdentity | None:
        """Give the patient under whom an order's exam is archived; None for none, or no exam."""
        study = reception.study_of_order(establishment, issuer, accession_number)
        with self._database.read() as connection:
            return reading.patient_of_study(connection, establishment, reception.is_study(study))

    def object_keys(self) -> frozenset[str]:
        """Give every key the catalogue knows, for `Storage.sweep`."""
        with self._database.read() as connection:
            return instance_rows.all_keys(connection)

    def issue_key(self, claims: Mapping[str, Any], expires: datetime) -> str:
        """Make a one-time sign-in key, of which only the hash is kept."""
        return one_time_keys.issue(self._database, claims, expires)

    def redeem_key(self, key: str) -> dict[str, Any]:
        """Give the claims of a key, exactly once; raises NotAllowed afterwards, or when expired."""
        return one_time_keys.redeem(self._database, key)

    @contextmanager
    def _changing(
        self, image_id: str, attempt: Job | None
    ) -> Iterator[tuple[sa.Connection, Image]]:
        try:
            with self._database.write() as connection:
                image = reading.image(connection, image_id, None, hold=True)
                if attempt is not None:
                    require_lease(connection, attempt, image_id)
                yield connection, image
        except IntegrityError as error:
            raise TransitionRefused(
                "The catalogue refuses this change: an image is published with at least one level "
                "or photo, and an object is recorded once."
            ) from error


def _require_transition(image: Image, to: ImageState) -> None:
    if (image.state, to) not in TRANSITIONS:
        raise TransitionRefused(f"An image that is {image.state} cannot become {to}.")


def _update(connection: sa.Connection, image: Image, **values: Any) -> None:
    connection.execute(sa.update(schema.image).where(schema.image.c.id == image.id).values(values))


def _merged(image: Image, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"facts": {**image.facts, **facts}} if facts else {}
