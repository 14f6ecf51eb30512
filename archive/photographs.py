"""What is stated of the photographs of a catalogue, and how they follow one another."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from archive import schema
from archive.body_site import site_of_code
from archive.capture import LOCATING, Capture, Dermoscopy, Operator
from archive.database import Database
from archive.errors import InvalidCapture, NotFound
from archive.homeward import IS_HERE
from archive.identities.issuers import named
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.lesions import read_lesion
from archive.overviews import Marked, marked_with
from archive.ownership import owned
from archive.reception import patient_row_of
from archive.record import ImageKind, ImageState

_photo, _image, _exam = schema.photograph.c, schema.image.c, schema.exam.c
_owner = schema.establishment.c
_DERMOSCOPY = ("polarization", "contact", "immersion", "magnification", "colour_temperature_k")
_LINKS = (("overview", "overview_id"), ("earlier", "earlier_id"))

_OWNED = (
    schema.photograph.join(schema.image, _photo.image_id == _image.id)
    .join(schema.exam, _image.exam_id == _exam.id)
    .join(schema.establishment, _exam.establishment_id == _owner.id)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A photograph in the order of time: when it was taken, or else received."""

    photograph: Photograph
    exam_id: str
    state: ImageState
    taken_at: datetime
    covered: str | None = None
    """Why it is opened on purpose alone; None for most."""


class Photographs:
    """What is stated of photographs, reached as `catalog.photographs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, said: Photograph, *, establishment: str | None) -> Photograph:
        """Keep what is stated of a photograph that is not built yet; saying it again is no change.

        Raises NotFound for an image, lesion or photograph that is none of this establishment's,
        and InvalidCapture for what cannot be: a slide, a published photograph that says otherwise,
        a lesion of another patient, an overview that is none.
        """
        with of_one_patient(), self._database.write() as connection:
            return state(connection, said, establishment)

    def check(self, said: Photograph, patient: PatientIdentity, *, establishment: str) -> None:
        """Raise as `state` would for a photograph of this patient that is still to come."""
        owner = sa.select(_owner.id).where(_owner.name == establishment)
        with self._database.read() as connection:
            here = connection.scalar(owner) or 0
            row = patient_row_of(connection, here, named(connection, here, patient))
            _require_links(connection, said, row)

    def photograph(self, image_id: str, *, establishment: str | None) -> Photograph | None:
        """What is stated of an image, None for one of which nothing is; raises NotFound."""
        with self._database.read() as connection:
            _image_of(connection, image_id, establishment)
            return _read(connection, image_id)

    def of_lesion(self, lesion_id: str, *, establishment: str | None) -> tuple[Taken, ...]:
        """The photographs of a lesion in the order in which they were taken; raises NotFound."""
        with self._database.read() as connection:
            read_lesion(connection, lesion_id, establishment)
        return self.of_lesions([lesion_id])[lesion_id]

    def overviews(
        self, lesion_id: str, *, establishment: str | None
    ) -> tuple[tuple[Taken, tuple[Marked, ...]], ...]:
        """The published overviews that lead to a lesion, the latest first, and what they mark.

        Raises NotFound.
        """
        columns = (schema.photograph, _image.facts, _image.created_at, _image.state)
        with self._database.read() as connection:
            read_lesion(connection, lesion_id, establishment)
            marked = marked_with(connection, lesion_id)
            query = sa.select(*columns).select_from(_OWNED).where(_photo.image_id.in_(marked))
            taken = _in_order(connection.execute(query).mappings().all())
        return tuple((one, marked[one.photograph.image_id]) for one in reversed(taken))

    def of_lesions(self, lesion_ids: Sequence[str]) -> dict[str, tuple[Taken, ...]]:
        """The photographs of lesions that the caller may see, each in the order of their taking."""
        query = sa.select(
            schema.photograph, _image.facts, _image.created_at, _image.state
        ).select_from(_OWNED)
        query = query.where(_photo.lesion_id.in_(lesion_ids))
        with self._database.read() as connection:
            taken = _in_order(connection.execute(query).mappings().all())
        found: dict[str, tuple[Taken, ...]] = dict.fromkeys(lesion_ids, ())
        for one in taken:
            found[str(one.photograph.lesion)] += (one,)
        return found


@contextmanager
def of_one_patient() -> Iterator[None]:
    """What the database refuses of a photograph becomes InvalidCapture."""
    try:
        yield
    except IntegrityError as error:
        raise InvalidCapture(
            "A photograph, its lesion and those it refers to are of one patient, and the "
            "earlier one shows the same lesion; check them."
        ) from error


def state(connection: sa.Connection, said: Photograph, establishment: str | None) -> Photograph:
    """Keep what is stated in the caller's transaction, as `Photographs.state` does."""
    image = _image_of(connection, said.image_id, establishment, hold=True)
    _require_a_patients_photograph(image)
    _require_links(connection, said, image["patient_row"])
    known = _read(connection, said.image_id)
    if known == said:
        return said
    # What a header says already is corrected with it, not behind its back.
    if image["state"] not in {ImageState.RECEIVED, ImageState.REFUSED}:
        raise InvalidCapture(
            "The photograph is in the archive already, and says otherwise; correct it there."
        )
    values = _columns(said, image)
    if known is None:
        connection.execute(sa.insert(schema.photograph).values(values))
        return said
    if said.capture.view not in LOCATING and _locates(connection, said.image_id):
        raise InvalidCapture(
            "Lesions are located in this photograph; it stays an overview or a total body."
        )
    change = sa.update(schema.photograph).where(_photo.image_id == said.image_id)
    connection.execute(change.values(values))
    return said


def stated_of(connection: sa.Connection, image_ids: Collection[str]) -> dict[str, Photograph]:
    """What is stated of these images, where something is."""
    query = sa.select(schema.photograph).where(_photo.image_id.in_(list(image_ids)))
    rows = connection.execute(query).mappings() if image_ids else ()
    return {row["image_id"]: _from_row(row) for row in rows}


def earlier_of(connection: sa.Connection, said: Photograph) -> str | None:
    """The last published photograph of the same lesion and view at another visit; None for none."""
    if said.lesion is None:
        return None
    own = sa.select(_image.exam_id).where(_image.id == said.image_id).scalar_subquery()
    query = (
        sa.select(schema.photograph, _image.facts, _image.created_at, _image.state)
        .select_from(_OWNED)
        .where(
            _photo.lesion_id == said.lesion,
            _photo.view == said.capture.view,
            _photo.exam_id != own,
            _image.state == ImageState.PUBLISHED,
            IS_HERE,
        )
    )
    taken = _in_order(connection.execute(query).mappings().all())
    return taken[-1].photograph.image_id if taken else None


def _locates(connection: sa.Connection, image_id: str) -> bool:
    """Whether lesions are found again by this photograph."""
    named = sa.exists().where(_photo.overview_id == image_id)
    pinned = sa.exists().where(schema.pin.c.image_id == image_id)
    return bool(connection.scalar(sa.select(sa.or_(named, pinned))))


def _in_order(rows: Sequence[sa.RowMapping]) -> tuple[Taken, ...]:
    found = [
        Taken(
            _from_row(row),
            row["exam_id"],
            row["state"],
            taken_at(row["facts"], row["created_at"]),
            row["facts"].get("covered") if row["state"] is ImageState.PUBLISHED else None,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda one: (one.taken_at, one.photograph.image_id)))


def taken_at(facts: Mapping[str, Any], received: datetime) -> datetime:
    """When a picture was taken, as its facts say, or else when it was received."""
    said = facts.get("acquired_at")
    if not said:
        return received
    taken = datetime.fromisoformat(said)
    # Cameras without a zone show the time of where they are; so does this machine, we assume.
    return taken if taken.tzinfo else taken.astimezone()


def _image_of(
    connection: sa.Connection, image_id: str, establishment: str | None, *, hold: bool = False
) -> sa.RowMapping:
    query = (
        sa.select(_image.id, _image.kind, _image.state, _image.exam_id, _exam.patient_row)
        .select_from(schema.image.join(schema.exam).join(schema.establishment))
        .where(_image.id == image_id)
    )
    query = owned(query, establishment)
    if hold:
        query = query.with_for_update(of=schema.image)
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFound("There is no such image.")
    return found


def _require_a_patients_photograph(image: sa.RowMapping) -> None:
    if image["kind"] is not ImageKind.PHOTO:
        raise InvalidCapture("The image is a slide; views and lesions are of photographs.")
    if image["patient_row"] is None:
        raise InvalidCapture("The photograph is nobody's yet; say whose it is first.")


def _require_links(connection: sa.Connection, said: Photograph, patient_row: int | None) -> None:
    if said.lesion is not None or said.overview is not None:
        said.capture.require_lesion_allowed()
    lesion = schema.lesion.c
    owners = (
        ("lesion", said.lesion, sa.select(lesion.patient_row).where(lesion.id == said.lesion)),
        ("overview", said.overview, _patient_of(said.overview)),
        ("earlier picture", said.earlier, _patient_of(said.earlier)),
    )
    for what, linked, query in owners:
        # Another patient's is answered as what does not exist, whichever establishment's it is.
        if linked is not None and connection.scalar(query) != (patient_row or 0):
            raise NotFound(f"This patient has no such {what}.")
    if said.overview is not None:
        shown = connection.scalar(sa.select(_photo.view).where(_photo.image_id == said.overview))
        if shown not in LOCATING:
            raise InvalidCapture("The overview named is none; name an overview or total body.")
    if said.earlier is not None and said.lesion is None:
        raise InvalidCapture("An earlier picture is of a lesion; name the lesion too.")


def _patient_of(image_id: str | None) -> sa.Select[tuple[int]]:
    return sa.select(_photo.patient_row).where(_photo.image_id == image_id)


def _columns(said: Photograph, image: sa.RowMapping) -> dict[str, Any]:
    capture = said.capture
    row_mm, column_mm = capture.mm_per_pixel or (None, None)
    return {
        "image_id": said.image_id,
        "exam_id": image["exam_id"],
        "patient_row": image["patient_row"],
        "view": capture.view,
        "site": capture.site.code,
        "side": capture.side,
        "phototype": capture.phototype,
        **{name: getattr(capture.dermoscopy, name, None) for name in _DERMOSCOPY},
        "row_spacing_mm": row_mm,
        "column_spacing_mm": column_mm,
        "operator_name": capture.operator.name if capture.operator else None,
        "operator_rpps": capture.operator.rpps if capture.operator else None,
        "lesion_id": said.lesion,
        **{column: getattr(said, name) for name, column in _LINKS},
    }


def _read(connection: sa.Connection, image_id: str) -> Photograph | None:
    query = sa.select(schema.photograph).where(_photo.image_id == image_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _from_row(row)


def _from_row(row: sa.RowMapping) -> Photograph:
    used = {name: row[name] for name in _DERMOSCOPY}
    spacing = row["row_spacing_mm"], row["column_spacing_mm"]
    name = row["operator_name"]
    capture = Capture(
        view=row["view"],
        site=site_of_code(row["site"]),
        side=row["side"],
        dermoscopy=Dermoscopy(**used) if row["view"] == "dermoscopy" else None,
        phototype=row["phototype"],
        mm_per_pixel=None if spacing[0] is None else spacing,
        operator=None if name is None else Operator(name, row["operator_rpps"]),
    )
    links = {name: row[column] for name, column in _LINKS}
    return Photograph(row["image_id"], capture, row["lesion_id"], **links)
