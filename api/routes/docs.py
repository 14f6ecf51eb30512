"""The description of the API: as OpenAPI, and as a page that asks nobody else for anything."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response

from api.answer import page
from api.dicomweb import places as dicomweb
from api.dispatch import HOT_ROUTES
from api.policies import POLICIES

router = APIRouter(tags=["documentation"])

_HOT_SUMMARIES = {
    **dicomweb.SUMMARIES,
    ".dzi": ("Deep Zoom description of an image", "application/xml"),
    ".jpeg": ("Deep Zoom tile; the stored bytes wherever there are such", "image/jpeg"),
    "/3/{image}": ("To what is told of an image by IIIF", "application/ld+json"),
    "/info.json": ("IIIF Image API 3.0: what an image is", "application/ld+json"),
    ".{format}": ("IIIF Image API 3.0: any part of an image at any size", "image/jpeg"),
    "/{key}": ("A slide as OME-Zarr 0.5: a document or a chunk", "application/octet-stream"),
    "/thumbnail": ("Small picture for lists", "image/jpeg"),
    "/label": ("The slide's label", "image/jpeg"),
    "/overview": ("The whole glass as the scanner saw it", "image/jpeg"),
}


@router.get("/openapi.json")
def openapi(request: Request) -> dict[str, Any]:
    """The OpenAPI document, with the routes that are answered in front of the app."""
    document: dict[str, Any] = request.app.openapi()
    paths = dict(document["paths"])
    for template in HOT_ROUTES:
        paths[template] = {"get": _hot_operation(template)}
    for template, operations in paths.items():
        for operation in operations.values():
            operation["x-least-role"] = POLICIES[template].name.lower()
    return {**document, "paths": paths}


@router.get("/docs", response_class=Response)
def docs(request: Request) -> Response:
    """The same, to be read."""
    rows = "".join(
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description') or operation.get('summary') or '')} "
        f"<small>({escape(operation['x-least-role'])})</small></p>"
        for path, operations in sorted(openapi(request)["paths"].items())
        for method, operation in operations.items()
    )
    answer = page(
        200,
        "<h1>L’interface de Sans Verre</h1><p>Description complète : "
        '<a href="/openapi.json">openapi.json</a>.</p>',
        "<h1>The interface of Sans Verre</h1><p>In full: "
        f'<a href="/openapi.json">openapi.json</a>.</p>{rows}',
    )
    return Response(answer.body, answer.status, headers=dict(answer.headers))


def _hot_operation(template: str) -> dict[str, Any]:
    summary, media_type = next(
        told for ending, told in _HOT_SUMMARIES.items() if template.endswith(ending)
    )
    names = [part.partition("}")[0] for part in template.split("{")[1:]]
    return {
        "summary": summary,
        "tags": ["pixels"],
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string" if name == "image" else "integer"},
            }
            for name in names
        ],
        "responses": {
            "200": {"description": "OK", "content": {media_type: {}}},
            "304": {"description": "As the caller has it"},
            "404": {"description": "No such image or tile"},
        },
    }
