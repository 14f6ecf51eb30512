"""IIIF Presentation API 3.0: the images of an exam for any viewer, and nothing of the patient.

Sections (§) are those of the specification, https://iiif.io/api/presentation/3.0/.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.iiif import described, linked_json
from api.opened import OpenImage, is_viewable
from api.origin import own_origin
from api.routes.at_the_door import CallerHere, CatalogHere, SourcesHere
from api.routes.exams import TO_BE_SEEN
from archive.record import Image, ImageKind

router = APIRouter(tags=["IIIF"])

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
PHYSICAL = "http://iiif.io/api/annex/services/physdim"
THUMBNAIL_PX = 512

Label = dict[str, list[str]]

_NAMES = {ImageKind.SLIDE: ("Lame", "Slide"), ImageKind.PHOTO: ("Photographie", "Photograph")}


@router.get("/iiif/presentation/3/{exam}/manifest", response_class=Response)
async def manifest(
    exam: str, request: Request, caller: CallerHere, catalog: CatalogHere, sources: SourcesHere
) -> Response:
    """The slides and photographs of an exam that can be looked at, in the order they came."""
    found = await run_in_threadpool(
        catalog.exam, exam, establishment=caller.establishment, states=TO_BE_SEEN
    )
    images = [one for one in found.images if is_viewable(one)]
    opened = [await sources.open(one) for one in images]
    origin = own_origin(request.app.state.settings, request.scope)
    address = f"{origin}/iiif/presentation/3/{found.id}"
    counts = dict.fromkeys(ImageKind, 0)
    canvases = []
    for image, one in zip(images, opened, strict=True):
        counts[image.kind] += 1
        label = _numbered(image.kind, counts[image.kind])
        service = f"{origin}/iiif/3/{image.id}"
        canvases.append(_canvas(f"{address}/canvas/{image.id}", service, label, image, one))
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "id": f"{address}/manifest",
        "type": "Manifest",
        "label": {"fr": ["Examen"], "en": ["Exam"]},
        "items": canvases,
    }
    if canvases:
        document["thumbnail"] = canvases[0]["thumbnail"]
    answer = linked_json(document, CONTEXT, request.scope)
    return Response(answer.body, answer.status, headers=dict(answer.headers))


def _canvas(
    address: str, service: str, label: Label, image: Image, opened: OpenImage
) -> dict[str, Any]:
    """§5.3, with the image painted all over it."""
    told = described(service, opened)
    extents = {"width": told["width"], "height": told["height"]}
    served = [{"id": service, "type": "ImageService3", "profile": "level2"}]
    small = _small(told["sizes"])
    canvas: dict[str, Any] = {
        "id": address,
        "type": "Canvas",
        "label": label,
        **extents,
        "thumbnail": [
            {
                "id": f"{service}/full/{small['width']},{small['height']}/0/default.jpg",
                "type": "Image",
                "format": "image/jpeg",
                **small,
                "service": served,
            }
        ],
        "items": [
            {
                "id": f"{address}/page",
                "type": "AnnotationPage",
                "items": [
                    {
                        "id": f"{address}/page/image",
                        "type": "Annotation",
                        "motivation": "painting",
                        "target": address,
                        "body": {
                            "id": f"{service}/full/max/0/default.jpg",
                            "type": "Image",
                            "format": "image/jpeg",
                            **extents,
                            "service": served,
                        },
                    }
                ],
            }
        ],
    }
    physical = _physical(address, image)
    return {**canvas, "service": [physical]} if physical else canvas


def _physical(address: str, image: Image) -> dict[str, Any] | None:
    """The extent of a pixel, where it is known and a square (Linking to External Services, 3.3)."""
    spacing = image.facts.get("mpp_um")
    if not spacing or abs(spacing[0] - spacing[1]) > 0.01 * spacing[0]:
        return None
    return {
        "@context": f"{PHYSICAL}/1/context.json",
        "id": f"{address}/scale",
        "type": "PhysicalDimensions",
        "profile": PHYSICAL,
        "physicalScale": (spacing[0] + spacing[1]) / 2 / 1000,
        "physicalUnits": "mm",
    }


def _small(sizes: list[dict[str, int]]) -> dict[str, int]:
    """The largest of an image's sizes that suits a list."""
    fitting = [one for one in sizes if max(one.values()) <= THUMBNAIL_PX]
    return max(fitting or sizes[:1], key=lambda one: one["width"])


def _numbered(kind: ImageKind, number: int) -> Label:
    french, english = _NAMES[kind]
    return {"fr": [f"{french} {number}"], "en": [f"{english} {number}"]}
