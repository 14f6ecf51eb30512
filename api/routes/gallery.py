"""All pictures of a patient, from every visit."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.lesions import SiteOut, site_out
from api.routes.shapes import PatientOut, patient_out
from archive.body_site import Side
from archive.capture import View
from archive.gallery import Shown
from archive.record import ImageKind

router = APIRouter(tags=["exams"])


class ShownOut(BaseModel):
    """A picture with what is stated of it; `lesion` is L1, L2…, None for no lesion in particular.

    `exam` is None where the caller is shown the picture alone.
    """

    id: str
    exam: str | None
    kind: ImageKind
    taken_at: datetime
    view: View | None
    site: SiteOut | None
    side: Side | None
    lesion: str | None
    thumbnail: str


class AlbumOut(BaseModel):
    """The published pictures of a patient, the latest first."""

    patient: PatientOut | None
    images: list[ShownOut]


@router.get("/api/patients/{patient}/images")
def list_images(patient: str, caller: CallerHere, catalog: CatalogHere) -> AlbumOut:
    """All pictures of a patient, named by the `patient_key` of their exams."""
    album = catalog.gallery.of_patient(patient, establishment=caller.establishment)
    shown = [shown_out(one) for one in album.shown]
    return AlbumOut(patient=patient_out(album.patient), images=shown)


def shown_out(one: Shown, *, is_alone: bool = False) -> ShownOut:
    """A picture as JSON, without the exam in which it lies where it is shown alone."""
    said = one.photograph.capture if one.photograph else None
    return ShownOut(
        id=one.image.id,
        exam=None if is_alone else one.image.exam_id,
        kind=one.image.kind,
        taken_at=one.taken_at,
        view=said.view if said else None,
        site=site_out(said.site) if said else None,
        side=said.side if said else None,
        lesion=None if one.lesion is None else f"L{one.lesion}",
        thumbnail=f"/images/{one.image.id}/thumbnail",
    )
