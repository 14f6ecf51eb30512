"""Images opened from another system by IHE Invoke Image Display (RAD-106).

What identifies somebody is exchanged at once: whoever comes is sent on to an address that says
nothing. A signed request, or a program's token, becomes a key that opens once. Any other is
sealed, and looked up as what whoever is signed in may see.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.answer import Answer, page
from api.doors import Caller, Doors, require
from api.errors import BadInvocation, NotPermitted
from api.invoke.invokers import SIGNATURE, require_signed
from api.invoke.parameters import read_asked, read_parameters
from api.invoke.sealing import Seal
from api.policies import Role
from api.routes.at_the_door import KEY_BODY_BYTES, CallerHere, CatalogHere
from api.routes.links import SEEN_FOR_S, LinkKey
from api.routes.shapes import ExamOut, PatientOut, exam_out, patient_out
from archive.catalog import Catalog
from archive.errors import NotAllowed, NotFound
from archive.invoked.asked import Asked, Found
from archive.record import ImageKind

router = APIRouter(tags=["invocations"])

ADDRESS = "/IHEInvokeImageDisplay"
OPENED = "/opened"
OPENED_WITHIN = timedelta(minutes=10)
FORM_BYTES = 16 << 10
MOST_FIELDS = 100
FORM = "application/x-www-form-urlencoded"


class SealedIn(BaseModel):
    """What follows `#asked=` in the address of the page."""

    asked: Annotated[str, Field(max_length=32 << 10)]


class InvokedOut(BaseModel):
    """What was asked for: exams of one patient, the newest first.

    `image` is the one that a barcode names, and `case` the one that it is read in. `missing`
    studies of those that were named are not here. `key_images` were wanted alone: none are named.
    """

    exams: list[ExamOut]
    patient: PatientOut | None
    patient_key: str | None
    image: str | None
    case: str | None
    missing: int
    key_images: bool


class ShownOut(BaseModel):
    """An image, and a bearer token that is good for it alone."""

    image: str
    kind: ImageKind
    token: str


class ShownExamOut(BaseModel):
    """An exam of which some images are shown."""

    accession_number: str | None
    created_at: datetime
    images: list[ShownOut]


class ShownExamsOut(BaseModel):
    """What another system shows its user: `kept` images are opened by who signs in here alone."""

    patient: PatientOut | None
    exams: list[ShownExamOut]
    missing: int
    kept: int
    key_images: bool
    expires_at: datetime


@router.get(ADDRESS, response_class=Response)
async def invoke(request: Request, catalog: CatalogHere) -> Response:
    """Show what is asked for: 303 to an address that says nothing of it.

    400 for a parameter that is missing or says nothing, 403 for a wrong signature, 404 for what
    is not here or could mean several patients. Link previews, which ask by HEAD, spend nothing.
    """
    return await run_in_threadpool(_invoked, request, catalog, request.url.query)


@router.post(ADDRESS, response_class=Response)
async def invoke_by_form(request: Request, catalog: CatalogHere) -> Response:
    """The same by a form, so that nothing that identifies anybody stands in an address at all."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return _wrong("the form")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            return _wrong("the form")
    return await run_in_threadpool(_invoked, request, catalog, body.decode("utf-8", "replace"))


@router.post("/api/invocations")
def invocation(
    given: SealedIn, request: Request, caller: CallerHere, catalog: CatalogHere
) -> InvokedOut:
    """What was asked for, as whoever is signed in may see it; 404 for what they may not."""
    seal: Seal = request.app.state.seal
    asked = read_asked(seal.open(given.asked))
    found = catalog.invoked.find(asked, establishment=caller.establishment)
    exams = catalog.invoked.exams(found)
    older = catalog.cases.older_scans(exams)
    return InvokedOut(
        exams=[exam_out(one, older) for one in exams],
        patient=patient_out(exams[0].patient) if exams else None,
        patient_key=found.patient_key,
        image=found.image,
        case=found.case,
        missing=found.missing,
        key_images=asked.key_images_only,
    )


@router.post("/api/invoked", max_body_size=KEY_BODY_BYTES)
def invoked(given: LinkKey, request: Request, catalog: CatalogHere) -> ShownExamsOut:
    """Exchange the key of a request, once, for tokens that its page keeps in memory.

    404 where nothing of it is still the patient's whom the request meant.
    """
    claims = catalog.redeem_key(given.key).get("invoked")
    if claims is None:
        raise NotAllowed("This key is not one of a request.")
    doors: Doors = request.app.state.doors
    here, subject = claims["establishment"], claims["subject"]

    def token(image: str) -> str:
        return doors.issue(
            Role.READER,
            here,
            SEEN_FOR_S,
            image=image,
            incarnation=claims["images"][image],
            subject=subject,
        )

    found = Found(here, tuple(claims["exams"]), claims["patient"])
    exams = catalog.invoked.exams(found)
    if not exams:
        raise NotFound("What was asked for is not this patient's any more; ask again.")
    shown = [
        ShownExamOut(
            accession_number=exam.accession_number,
            created_at=exam.created_at,
            images=[
                ShownOut(image=one.id, kind=one.kind, token=token(one.id))
                for one in exam.images
                if claims["images"].get(one.id) == one.incarnation
            ],
        )
        for exam in exams
    ]
    return ShownExamsOut(
        patient=patient_out(exams[0].patient) if exams else None,
        exams=[one for one in shown if one.images],
        missing=claims["missing"],
        kept=claims["kept"],
        key_images=claims["key_images"],
        expires_at=datetime.now(UTC) + timedelta(seconds=SEEN_FOR_S),
    )


def _invoked(request: Request, catalog: Catalog, text: str) -> Response:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return _wrong("…")
    try:
        parameters = read_parameters(pairs)
        asked = read_asked(parameters)
        program = _program(request)
        if program is not None:
            key = _key(catalog, asked, program.establishment, program.subject)
        elif SIGNATURE in parameters:
            key = _signed_key(request, catalog, asked, dict(pairs), parameters)
        else:
            seal: Seal = request.app.state.seal
            return _sent_on(request, f"asked={seal.close(parameters)}")
    except BadInvocation as error:
        return _wrong(error.parameter)
    except (NotPermitted, NotAllowed):
        return _response(_REFUSED)
    except NotFound:
        return _response(_MISSING)
    return _sent_on(request, f"key={key}")


def _program(request: Request) -> Caller | None:
    """Who calls by a token that is no cookie; raises NotPermitted where they may not."""
    caller: Caller | None = request.scope.get("caller")
    if caller is None or "authorization" not in request.headers:
        return None
    # As for links: who is sent here sees it without an account.
    require(caller, Role.CONTRIBUTOR)
    if caller.phone is not None:
        raise NotPermitted("a paired phone takes photographs")
    return caller


def _signed_key(
    request: Request,
    catalog: Catalog,
    asked: Asked,
    sent: Mapping[str, str],
    known: Mapping[str, str],
) -> str:
    signed = require_signed(request.app.state.settings.invokers, sent, known)
    catalog.invoked.require_first(known[SIGNATURE].lower(), signed.expires)
    return _key(catalog, asked, signed.establishment, signed.subject)


def _key(catalog: Catalog, asked: Asked, establishment: str | None, subject: str) -> str:
    found = catalog.invoked.find(asked, establishment=establishment)
    gone = catalog.invoked.let_go(found, subject)
    claims = {
        "establishment": found.establishment,
        "subject": subject,
        "patient": found.patient_key,
        "exams": list(found.exams),
        "images": {one.image: one.incarnation for one in gone.shown},
        "missing": found.missing,
        "kept": gone.kept,
        "key_images": asked.key_images_only,
    }
    return catalog.issue_key({"invoked": claims}, datetime.now(UTC) + OPENED_WITHIN)


def _sent_on(request: Request, secret: str) -> Response:
    origin = request.app.state.settings.public_url or ""
    headers = {"location": f"{origin}{OPENED}#{secret}", "cache-control": "no-store"}
    return Response(status_code=303, headers=headers)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=dict(answer.headers))


def _wrong(parameter: str) -> Response:
    """What is missing or wrong is named; what it says is not repeated."""
    return _response(
        page(
            400,
            "<h1>Demande incomplète</h1><p>Le paramètre "
            f"<code>{parameter}</code> manque, est répété ou n’a pas la forme attendue.</p>",
            "<h1>Incomplete request</h1><p>The parameter "
            f"<code>{parameter}</code> is missing, repeated or not of the form expected.</p>",
        )
    )


_REFUSED = page(
    403,
    "<h1>Demande refusée</h1><p>Elle n’est pas signée comme il faut, a expiré ou a déjà servi. "
    "Relancez-la depuis votre logiciel.</p>",
    "<h1>Request refused</h1><p>It is not signed as it must be, has expired or was answered "
    "already. Make it again from your own system.</p>",
)
_MISSING = page(
    404,
    "<h1>Rien à afficher</h1><p>Aucune image n’est connue ici sous ces identifiants, ou ils ne "
    "désignent pas un seul patient. Vérifiez-les, avec leur émetteur.</p>",
    "<h1>Nothing to show</h1><p>No image is known here by these identifiers, or they do not mean "
    "one patient alone. Check them, and who issued them.</p>",
)
