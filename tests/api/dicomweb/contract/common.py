"""Every answer: its status, its head, its parts, and what is asked in its address (8.1-8.6)."""

from tests.api.dicomweb.contract.server import DICOM, OCTETS, Server, shall
from tests.api.dicomweb.parts import heads_of, parts_of


@shall("8.1.2", "every request is answered, with a status of three digits")
def _(one: Server) -> None:
    for where in ("/studies", "/studies/1.2.3", "/nothing/of/it", f"{one.instance}/frames/0"):
        assert 200 <= one.get(where).status_code < 600


@shall("8.3", "a parameter that is not known is as if it were not there")
def _(one: Server) -> None:
    for where in ("/studies", f"{one.instance}/metadata", f"{one.study}/series"):
        plain, more = one.get(where), one.get(where, orderby="StudyDate", _="17")
        assert (more.status_code, more.json()) == (200, plain.json())


@shall("8.3", "a known parameter with a value that means nothing is 400")
def _(one: Server) -> None:
    for name, value in (("limit", "ten"), ("offset", "-1"), ("fuzzymatching", "perhaps")):
        assert one.get("/studies", **{name: value}).status_code == 400, name
    assert one.get("/studies", StudyDate="yesterday").status_code == 400


@shall("8.4.2", "what has a payload says its type, and what has none says none")
def _(one: Server) -> None:
    for where in ("/studies", one.instance, f"{one.instance}/metadata"):
        answer = one.get(where, "*/*")
        assert answer.content
        assert "/" in answer.headers["content-type"]
    none = one.get("/studies", PatientID="nobody")
    assert (none.content, none.headers.get("content-type")) == (b"", None)


@shall("8.4.3", "a payload says its length, or that it comes in pieces")
def _(one: Server) -> None:
    for where in ("/studies", f"{one.instance}/metadata", f"{one.instance}/frames/1/rendered"):
        answer = one.get(where, "*/*")
        told = answer.headers.get("content-length")
        chunked = answer.headers.get("transfer-encoding") == "chunked"
        assert chunked or told == str(len(answer.content))


@shall("8.5", "206 is said of ranges alone, with what range it is")
def _(one: Server) -> None:
    where = f"{one.instance}/frames/1"
    assert one.get(where, OCTETS).status_code == 200
    headers = {"accept": "image/jpeg", "range": "bytes=0-9"}
    answer = one.request("GET", f"{one.root}{where}", headers=headers)
    if answer.status_code == 206:
        assert answer.headers["content-range"].startswith("bytes 0-9/")
        assert len(answer.content) == 10
    else:
        assert answer.status_code == 200


@shall("8.6.1.1", "a payload of one part says the type of that")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/frames/1/rendered", "image/jpeg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")


@shall("8.6.1.2", "parts say their type, and the whole the type of its parts")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/frames/1", OCTETS)
    assert 'type="application/octet-stream"' in answer.headers["content-type"]
    assert parts_of(answer)[0][0].startswith("application/octet-stream")


@shall("8.6.1.2", "a part begins with the boundary and its Content-Type, and the last one is ended")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/frames/1,2", OCTETS)
    boundary = answer.headers["content-type"].partition("boundary=")[2].strip('"').split(";")[0]
    first, *_, last = answer.content.split(f"--{boundary}".encode())
    assert first.strip() == b""
    assert last.startswith(b"--")
    assert all("content-type" in each for each in heads_of(answer))


@shall("8.6.1.2", "parts say their length")
def _(one: Server) -> None:
    answer = one.get(f"{one.instance}/frames/1,2", OCTETS)
    for head, (_, data) in zip(heads_of(answer), parts_of(answer), strict=True):
        assert head["content-length"] == str(len(data))


@shall("8.6.2.1", "values say their representation: implicit ones and Big Endian are never sent")
def _(one: Server) -> None:
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2"):
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        assert one.get(one.instance, accept).status_code == 406
    for kind, _ in parts_of(one.get(one.instance, DICOM)):
        assert "1.2.840.10008.1.2;" not in f"{kind};"
