"""Applications that give one body to every request: what a server could do at best, and usually.

They are measured beside the project's own by `benchmarks.serve`; `BODY` names the file they give.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.types import Receive, Scope, Send

BODY = Path(os.environ["BODY"]).read_bytes()
HEADERS = [(b"content-type", b"image/jpeg"), (b"content-length", str(len(BODY)).encode())]


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """The body, and nothing else done."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


routed = FastAPI()


@routed.get("/deepzoom/{image}/{level}/{tile}")
async def tile(image: str, level: int, tile: str) -> Response:  # noqa: ARG001
    """The body, by way of a router."""
    return Response(BODY, media_type="image/jpeg")
