"""The table of who may call what: the least role for the template of every address."""

from enum import IntEnum

from api.dicomweb import places as dicomweb
from api.fhir import places as fhir


class Role(IntEnum):
    """What a caller may do; each role may do all that the ones before it may."""

    PUBLIC = 0
    READER = 1
    CONTRIBUTOR = 2
    PHYSICIAN = 3
    """Signs off what others took."""
    OPERATOR = 4


POLICIES: dict[str, Role] = {
    # The pages and their parts hold no data.
    "/": Role.PUBLIC,
    "/exam/{exam}": Role.PUBLIC,
    "/view/{image}": Role.PUBLIC,
    "/deposit": Role.PUBLIC,
    "/patients/{patient}/lesions": Role.PUBLIC,
    "/lesions/{lesion}": Role.PUBLIC,
    "/lesions/{lesion}/compare": Role.PUBLIC,
    "/cases": Role.PUBLIC,
    "/cases/{case}": Role.PUBLIC,
    "/capture": Role.PUBLIC,
    "/capture/{session}": Role.PUBLIC,
    "/advice": Role.PUBLIC,
    "/advice/{advice}": Role.PUBLIC,
    "/patients/{patient}/images": Role.PUBLIC,
    "/phones": Role.PUBLIC,
    "/pair": Role.PUBLIC,
    "/move/{image}": Role.PUBLIC,
    "/move-exam/{exam}": Role.PUBLIC,
    "/outbox": Role.PUBLIC,
    "/identities": Role.PUBLIC,
    "/patients/{patient}/identity": Role.PUBLIC,
    "/patients/{patient}": Role.PUBLIC,
    "/patients/{patient}/beside": Role.PUBLIC,
    "/worklist": Role.PUBLIC,
    "/day": Role.PUBLIC,
    "/assets/{path}": Role.PUBLIC,
    "/sw.js": Role.PUBLIC,
    "/favicon.svg": Role.PUBLIC,
    "/favicon.ico": Role.PUBLIC,
    # The one-time key is its own proof.
    "/enter": Role.PUBLIC,
    "/api/links": Role.PUBLIC,
    "/api/pair": Role.PUBLIC,
    # Who is not known here is told nothing: what they ask for is sealed, and looked up once
    # somebody is signed in. A signature, or the key that comes of it, is its own proof.
    "/IHEInvokeImageDisplay": Role.PUBLIC,
    "/api/invoked": Role.PUBLIC,
    "/opened": Role.PUBLIC,
    "/api/invocations": Role.READER,
    # The custom element by which other sites' pages frame the viewer.
    "/embed/sans-verre-viewer.js": Role.PUBLIC,
    "/healthz": Role.PUBLIC,
    "/readyz": Role.PUBLIC,
    "/api/me": Role.READER,
    # Who may bring pictures keeps them on a phone until they have gone.
    "/api/me/lock": Role.CONTRIBUTOR,
    "/api/exams": Role.READER,
    "/api/exams/{exam}": Role.READER,
    "/api/images/{image}": Role.READER,
    # Who may bring images to a patient may put right which one.
    "/api/images/{image}/move": Role.CONTRIBUTOR,
    "/api/exams/{exam}/move": Role.CONTRIBUTOR,
    # It names patients that the image was under before.
    "/api/images/{image}/moves": Role.CONTRIBUTOR,
    "/api/outbox": Role.CONTRIBUTOR,
    # Whoever reads says so: a reader takes an exam, and has read it.
    "/api/worklist": Role.READER,
    "/api/worklist/search": Role.READER,
    "/api/worklist/{exam}": Role.READER,
    "/api/worklist/{exam}/take": Role.READER,
    "/api/worklist/{exam}/release": Role.READER,
    "/api/worklist/{exam}/read": Role.READER,
    "/api/worklist/{exam}/unread": Role.READER,
    "/api/cases": Role.READER,
    "/api/day": Role.READER,
    "/api/cases/waiting": Role.READER,
    "/api/cases/{case}": Role.READER,
    "/api/cases/{case}/priors": Role.READER,
    "/api/priors": Role.READER,
    # Whoever may bring slides says of which case they are.
    "/api/images/{image}/link": Role.CONTRIBUTOR,
    "/api/orders": Role.CONTRIBUTOR,
    "/api/exams/{exam}/reports": Role.READER,
    "/api/cases/{case}/reports": Role.READER,
    "/api/patients/{patient}/reports": Role.READER,
    "/api/reports/{report}/content": Role.READER,
    "/api/reports/{report}/view": Role.READER,
    "/api/reports/{report}/pages/{page}": Role.READER,
    # Who brings images sees what waits; who signs off says who is who.
    "/api/reports/waiting": Role.CONTRIBUTOR,
    "/api/reports/{report}/file": Role.PHYSICIAN,
    "/api/consults": Role.CONTRIBUTOR,
    "/api/outbox/{row}/again": Role.CONTRIBUTOR,
    "/api/archives": Role.CONTRIBUTOR,
    **dict.fromkeys(fhir.ROUTES, Role.READER),
    "/api/archives/{archive}/rows": Role.CONTRIBUTOR,
    "/api/archives/{archive}/sent": Role.CONTRIBUTOR,
    # Who may move images sees what waits; who signs off says who is who.
    "/api/identities/doubts": Role.CONTRIBUTOR,
    "/api/identities/doubts/{doubt}": Role.PHYSICIAN,
    "/api/patients/{patient}/identity": Role.CONTRIBUTOR,
    "/api/identities/events/{event}/undo": Role.PHYSICIAN,
    # What messages say is more than any one patient's file.
    "/api/hl7/messages": Role.OPERATOR,
    "/api/hl7/messages/{message}": Role.OPERATOR,
    # Opening a covered picture on purpose: it is written down who did.
    "/api/images/{image}/uncover": Role.READER,
    "/api/body-sites": Role.READER,
    "/api/patients/{patient}": Role.READER,
    "/api/patients/{patient}/timeline": Role.READER,
    "/api/patients/{patient}/archives/{archive}": Role.READER,
    # Opened by a rule of the other establishment, and written down there.
    "/api/patients/{patient}/shown/{exam}": Role.READER,
    # Whoever hears it writes it down; that it is withdrawn, a physician.
    "/api/patients/{patient}/objection": Role.CONTRIBUTOR,
    "/api/patients/{patient}/looks": Role.CONTRIBUTOR,
    "/api/patients/{patient}/lesions": Role.READER,
    # Whoever may bring photographs says which lesion they show.
    "/api/lesions": Role.CONTRIBUTOR,
    "/api/lesions/{lesion}": Role.READER,
    "/api/lesions/{lesion}/history": Role.CONTRIBUTOR,
    "/api/lesions/{lesion}/photographs": Role.READER,
    "/api/lesions/{lesion}/biopsies": Role.CONTRIBUTOR,
    "/api/lesions/{lesion}/biopsies/{exam}": Role.CONTRIBUTOR,
    # Who asks first has a worker find out; what it finds is for all who may look.
    "/api/lesions/{lesion}/comparison": Role.READER,
    "/api/images/{image}/ruler": Role.READER,
    "/api/images/{image}/diameter": Role.READER,
    "/api/images/{image}/measures": Role.CONTRIBUTOR,
    "/api/images/{image}/measures/{measure}": Role.CONTRIBUTOR,
    # Whoever brings photographs may let their own phone in to take them.
    "/api/phones": Role.CONTRIBUTOR,
    "/api/phones/{phone}": Role.CONTRIBUTOR,
    # Nurses and residents take photographs; a physician signs them off.
    "/api/sessions": Role.CONTRIBUTOR,
    "/api/sessions/{session}": Role.READER,
    "/api/sessions/{session}/split": Role.READER,
    "/api/sessions/{session}/hand-over": Role.CONTRIBUTOR,
    "/api/sessions/{session}/photographs/{image}": Role.CONTRIBUTOR,
    "/api/sessions/{session}/photographs/{image}/partial": Role.CONTRIBUTOR,
    "/api/sessions/{session}/photographs/{image}/pins": Role.CONTRIBUTOR,
    "/api/sessions/{session}/send": Role.CONTRIBUTOR,
    "/api/sessions/{session}/sign": Role.PHYSICIAN,
    "/api/sessions/{session}/consents": Role.CONTRIBUTOR,
    "/api/sessions/{session}/encounter": Role.CONTRIBUTOR,
    "/api/patients/{patient}/images": Role.READER,
    # What leaves is more than what is read; who let what go is for who answers for the service.
    "/api/exports": Role.CONTRIBUTOR,
    "/api/exports/record": Role.OPERATOR,
    # Whoever is asked may be a reader; asking may open images to another establishment.
    "/api/me/card": Role.READER,
    "/api/me/card/code": Role.READER,
    "/api/me/advice": Role.READER,
    "/api/colleagues": Role.READER,
    "/api/colleagues/named": Role.CONTRIBUTOR,
    "/api/advice": Role.CONTRIBUTOR,
    "/api/advice/{advice}": Role.READER,
    "/api/advice/{advice}/seen": Role.READER,
    "/api/advice/{advice}/words": Role.READER,
    "/api/advice/{advice}/close": Role.READER,
    # Who has a link sees the image without an account: more than reading it.
    "/api/images/{image}/links": Role.CONTRIBUTOR,
    "/deepzoom/{image}.dzi": Role.READER,
    "/deepzoom/{image}_files/{level}/{column}_{row}.jpeg": Role.READER,
    "/zarr/{image}/{key}": Role.READER,
    "/iiif/3/{image}": Role.READER,
    "/iiif/3/{image}/info.json": Role.READER,
    "/iiif/3/{image}/{region}/{size}/{rotation}/{quality}.{format}": Role.READER,
    "/iiif/presentation/3/{exam}/manifest": Role.READER,
    "/images/{image}/thumbnail": Role.READER,
    "/images/{image}/label": Role.READER,
    "/images/{image}/overview": Role.READER,
    **dict.fromkeys(dicomweb.ROUTES, Role.READER),
    "/uploads": Role.CONTRIBUTOR,
    "/uploads/{upload}": Role.CONTRIBUTOR,
    "/api/deposits": Role.CONTRIBUTOR,
    "/api/deposits/{deposit}": Role.CONTRIBUTOR,
    "/api/deposits/{deposit}/order": Role.CONTRIBUTOR,
    "/api/deposits/{deposit}/close": Role.CONTRIBUTOR,
    "/docs": Role.READER,
    "/openapi.json": Role.READER,
    # Nothing of patients is in it, and who collects it should hold the least of tokens.
    "/metrics": Role.READER,
}
"""The least role for each route, by the route's template."""

STORING: dict[str, Role] = dict.fromkeys(dicomweb.STORED, Role.CONTRIBUTOR)
"""The least role for who posts instances to a route that others read: who may bring files."""

PHONE_MAY = frozenset(
    {
        "/api/me",
        "/api/me/lock",
        "/api/phones/{phone}",
        "/api/body-sites",
        "/api/patients/{patient}/lesions",
        "/api/lesions",
        "/api/lesions/{lesion}",
        "/api/lesions/{lesion}/history",
        "/api/lesions/{lesion}/photographs",
        "/api/images/{image}",
        "/api/images/{image}/uncover",
        "/api/sessions",
        "/api/sessions/{session}",
        "/api/sessions/{session}/photographs/{image}",
        "/api/sessions/{session}/photographs/{image}/partial",
        "/api/sessions/{session}/photographs/{image}/pins",
        "/api/sessions/{session}/consents",
        "/api/sessions/{session}/encounter",
        "/api/sessions/{session}/send",
        "/deepzoom/{image}.dzi",
        "/deepzoom/{image}_files/{level}/{column}_{row}.jpeg",
        "/iiif/3/{image}/{region}/{size}/{rotation}/{quality}.{format}",
        "/images/{image}/thumbnail",
        "/uploads",
        "/uploads/{upload}",
    }
)
"""All that a paired phone may call: it takes photographs, and sees what they are held against."""

SHARED_MAY = frozenset(
    {
        "/api/me",
        "/api/images/{image}",
        "/deepzoom/{image}.dzi",
        "/deepzoom/{image}_files/{level}/{column}_{row}.jpeg",
        "/iiif/3/{image}",
        "/iiif/3/{image}/info.json",
        "/iiif/3/{image}/{region}/{size}/{rotation}/{quality}.{format}",
        "/images/{image}/thumbnail",
    }
)
"""All that opens an exam of another establishment: its pictures, but no label and no overview."""
