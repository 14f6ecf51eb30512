"""Requests that store instances, as clients write them, and what they are told."""

from collections.abc import Iterator, Sequence

import httpx

from tests.api.conftest import Web

DICOM = "application/dicom"
ROOT = "/dicomweb/studies"
BOUNDARY = "a boundary"
TYPE = f'multipart/related; type="{DICOM}"; boundary="{BOUNDARY}"'


def body_of(files: Sequence[bytes], part_type: str = DICOM) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    return b"".join(head + one + b"\r\n" for one in files) + f"--{BOUNDARY}--\r\n".encode()


def in_blocks(body: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def store(
    web: Web, files: Sequence[bytes], study: str | None = None, **headers: str
) -> httpx.Response:
    address = ROOT if study is None else f"{ROOT}/{study}"
    return web.post(address, content=body_of(files), headers={"content-type": TYPE, **headers})


def failures(answer: httpx.Response) -> dict[str, int]:
    """The failure reason of each instance."""
    items = answer.json().get("00081198", {}).get("Value", [])
    return {one["00081155"]["Value"][0]: one["00081197"]["Value"][0] for one in items}


def others(answer: httpx.Response) -> list[int]:
    """The failure reasons of what has no name."""
    items = answer.json().get("0008119A", {}).get("Value", [])
    return [one["00081197"]["Value"][0] for one in items]


def kept(answer: httpx.Response) -> dict[str, str]:
    """Where each instance that was taken is retrieved."""
    items = answer.json().get("00081199", {}).get("Value", [])
    return {one["00081155"]["Value"][0]: one["00081190"]["Value"][0] for one in items}
