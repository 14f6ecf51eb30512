"""The way in for people: a link with a key that works once."""

from fastapi import APIRouter, Request, Response

from api.answer import page
from api.cookies import cookie_header
from api.doors import TOKEN_S, Doors, new_subject
from api.policies import Role
from api.routes.at_the_door import CatalogHere
from archive.errors import NotAllowed

router = APIRouter(tags=["doors"])

_USED = page(
    401,
    "<h1>Ce lien ne sert plus</h1><p>Un lien d’entrée ne s’ouvre qu’une fois, et pour quelques "
    "heures. Redémarrez le serveur : il en affiche un nouveau.</p>",
    "<h1>This link is spent</h1><p>A sign-in link opens once, and for some hours only. "
    "Start the server again: it prints a new one.</p>",
)


@router.get("/enter", response_class=Response)
def enter(request: Request, catalog: CatalogHere, key: str = "") -> Response:
    """Sign in with the one-time key, and go to the viewer."""
    # A link preview asks with HEAD or says that it prefetches: neither may spend the key; the
    # route answers GET alone.
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    try:
        claims = catalog.redeem_key(key)
    except NotAllowed:
        return Response(_USED.body, _USED.status, headers=dict(_USED.headers))
    if "role" not in claims:
        # The key of a link to one image, which signs nobody in.
        return Response(_USED.body, _USED.status, headers=dict(_USED.headers))
    doors: Doors = request.app.state.doors
    # Whoever opens the printed links is the same user each time, as one who comes back.
    subject = claims.get("subject") or new_subject()
    role = Role[claims["role"].upper()]
    token = doors.issue(role, claims.get("establishment"), subject=subject)
    cookie = cookie_header(token, TOKEN_S, secure=request.app.state.settings.is_https)
    return Response(status_code=303, headers={**headers, "location": "/", "set-cookie": cookie})
