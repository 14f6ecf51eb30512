"""Answers of several parts, by the standard library's own reader."""

from email import message_from_bytes
from email.message import Message
from typing import cast

import httpx


def parts_of(answer: httpx.Response) -> list[tuple[str, bytes]]:
    """The types and the bytes of the parts of an answer."""
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content)
    assert message.is_multipart()
    told = []
    for part in cast("list[Message]", message.get_payload()):
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        told.append((str(part["content-type"]), data))
    return told


def heads_of(answer: httpx.Response) -> list[dict[str, str]]:
    """The header fields of the parts of an answer, their names in small letters."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + answer.content)
    parts = cast("list[Message]", message.get_payload())
    return [{name.lower(): str(value) for name, value in part.items()} for part in parts]
