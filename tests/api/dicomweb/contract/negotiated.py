"""Media types, transfer syntaxes and character sets that are asked for (8.3.3, 8.7 and 8.8)."""

import io

from pydicom import dcmread

from tests.api.dicomweb.contract.server import (
    DICOM,
    JSON,
    OCTETS,
    XML,
    Server,
    frame,
    shall,
    without,
)
from tests.api.dicomweb.parts import parts_of

_FILES = 'multipart/related; type="application/dicom"'


@shall("8.3.3.1", "the `accept` parameter comes before the header")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/rendered", "image/jpeg", accept="image/png")
    assert answer.headers["content-type"].startswith("image/png")


@shall("8.7.8.1", "where nothing of the `accept` parameter is to be had, the header is heeded")
def _(one: Server) -> None:
    answer = one.get("/studies", JSON, accept="text/csv")
    assert answer.headers["content-type"].startswith(JSON)


@shall("8.3.3.1", "DICOM and rendered media types in one request are 400")
def _(one: Server) -> None:
    assert one.get(one.instance, f"{_FILES}, image/png").status_code == 400


@shall("8.3.3.2", "a `charset` parameter names UTF-8 in vain never, and nothing known is 400")
def _(one: Server) -> None:
    for name in ("utf-8", "UTF-8", "iso-8859-1,utf-8"):
        assert one.get("/studies", charset=name).status_code == 200
    assert one.get("/studies", charset="klingon").status_code == 400


@shall("8.8.4", "of `Accept-Charset` what is not known is left; where nothing is, it is 400")
def _(one: Server) -> None:
    for told, status in (("utf-8, klingon;q=0.5", 200), ("*", 200), ("klingon", 400)):
        headers = {"accept": JSON, "accept-charset": told}
        assert one.request("GET", f"{one.root}/studies", headers=headers).status_code == status


@shall("8.8.1", "a character set of a media type that is not known is left")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/metadata", f"{JSON}; charset=klingon")
    assert answer.status_code == 200
    answer.content.decode("utf-8")


@shall("8.7.1", "parts in one payload say the type of the first, in quotes, and the boundary")
def _(one: Server) -> None:
    told = one.get(one.instance, DICOM).headers["content-type"]
    assert 'type="application/dicom"' in told
    assert "boundary=" in told


@shall("8.7.3.1", "where no transfer syntax is named, lossy instances come as they are stored")
def _(one: Server) -> None:
    ((_, data),) = parts_of(one.get(one.instance, _FILES))
    mine = one.level.file_meta.TransferSyntaxUID
    assert dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID == mine


@shall("8.7.3.4", "lossy frames go as stored where no transfer syntax is named")
def _(one: Server) -> None:
    accept = 'multipart/related; type="application/octet-stream"'
    ((_, data),) = parts_of(one.get(f"{one.instance}/frames/1", accept))
    assert data.rstrip(b"\0") == frame(one.level, 1).rstrip(b"\0")


@shall("8.7.3.5.2", "a transfer syntax is named in a media type, and `*` takes any")
def _(one: Server) -> None:
    named = f"{_FILES}; transfer-syntax={one.level.file_meta.TransferSyntaxUID}"
    for accept in (named, DICOM):
        ((_, data),) = parts_of(one.get(one.instance, accept))
        assert dcmread(io.BytesIO(data)).SOPInstanceUID == one.level.SOPInstanceUID


@shall("8.7.3.5.2", "a transfer syntax that is not to be had is 406")
def _(one: Server) -> None:
    for where, kind in ((f"{one.instance}/frames/1", "octet-stream"), (one.instance, "dicom")):
        named = f'multipart/related; type="application/{kind}"; transfer-syntax=1.2.3'
        assert one.get(where, named).status_code == 406


@shall("8.7.9", "parts of DICOM say their transfer syntax, once")
def _(one: Server) -> None:
    ((kind, _),) = parts_of(one.get(one.instance, DICOM))
    assert f"transfer-syntax={one.level.file_meta.TransferSyntaxUID}" in kind.replace('"', "")
    assert kind.count("transfer-syntax") == 1


@shall("8.7.5", "a request without `Accept` is 406")
def _(one: Server) -> None:
    assert without(one, "accept", "/studies").status_code == 406


@shall("8.7.7", "what is not known in `Accept` is left")
def _(one: Server) -> None:
    answer = one.get("/studies", f"text/klingon; level=1, nonsense, {JSON}")
    assert answer.headers["content-type"].startswith(JSON)


@shall("8.7.7", "`*/*` is the default of what is asked for")
def _(one: Server) -> None:
    for where in ("/studies", f"{one.instance}/metadata"):
        assert one.get(where, "*/*").headers["content-type"].startswith(JSON)
    assert "application/dicom" in one.get(one.instance, "*/*").headers["content-type"]


@shall("8.7.8.1", "of several media types the one of the greatest weight is sent")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    for accept, kind in (
        ("image/png;q=0.2, image/jpeg;q=0.9", "image/jpeg"),
        ("image/jpeg;q=0.2, image/png", "image/png"),
    ):
        assert one.get(where, accept).headers["content-type"].startswith(kind)


@shall("8.7.8.1", "a media type has the weight of what names it most closely; none at 0")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1/rendered"
    for accept in ("image/*, image/jpeg;q=0.2", "*/*;q=0.5, image/jpeg;q=0"):
        answer = one.get(where, accept)
        assert answer.status_code == 200
        assert not answer.headers["content-type"].startswith("image/jpeg")


@shall("8.7.8", "what is not to be had in an acceptable form is 406")
def _(one: Server) -> None:
    for where in ("/studies", one.instance, f"{one.instance}/metadata", f"{one.instance}/rendered"):
        assert one.get(where, "text/csv").status_code == 406


@shall("10.4.4", "one instance alone may come in one part, a study or a series never")
def _(one: Server) -> None:
    answer = one.get(one.instance, "application/dicom; transfer-syntax=*")
    assert answer.headers["content-type"].startswith("application/dicom")
    assert dcmread(io.BytesIO(answer.content)).SOPInstanceUID == one.level.SOPInstanceUID
    for where in (one.study, one.series):
        assert one.get(where, "application/dicom; transfer-syntax=*").status_code == 406


@shall("8.7.3.2", "metadata and results as XML, for those who ask")
def _(one: Server) -> None:
    for where in (f"{one.instance}/metadata", "/studies", f"{one.study}/instances"):
        assert parts_of(one.get(where, XML))


@shall("8.7.3.3", "frames as bytes of no kind, whatever they are")
def _(one: Server) -> None:
    assert parts_of(one.get(f"{one.instance}/frames/1", OCTETS))
