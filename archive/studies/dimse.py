"""The studies of a number by C-FIND (PS3.4 C.6.2), in bounded time."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Timer

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from archive.dimse.calling import connection_of, hangs_up_after
from archive.dimse_link import encrypting
from archive.dimse_station import Station
from archive.errors import LinkDown, LinkLacks
from archive.studies.study import MOST, TAGS, Said, Told, said_of

_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_VERIFICATION = "1.2.840.10008.1.1"
_SUCCESS, _PENDING = 0x0000, frozenset({0xFF00, 0xFF01})
_NO_SUCH_KEYS = frozenset({0xA900, 0xC000, 0x0122})


def studies(station: Station, patient_id: str, until: float) -> Said:
    """What an archive tells of a patient's number.

    As `archive.studies.web.studies`.
    """
    with _called(station, until) as call:
        if not any(one.abstract_syntax == _FIND for one in call.accepted_contexts):
            raise LinkLacks("The archive does not say what it holds.")
        return said_of([_told(one) for one in _found(call, patient_id, until)])


@contextmanager
def _called(station: Station, until: float) -> Iterator[Association]:
    left = until - time.monotonic()
    if left <= 0:
        raise LinkDown("The archive does not answer.")
    ae = AE(station.calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = left
    # So that an association comes about, whatever else is refused in it.
    ae.add_requested_context(_VERIFICATION)
    ae.add_requested_context(_FIND)
    with _hung_up(left) as handler:
        call = ae.associate(
            station.host,
            station.port,
            ae_title=station.called,
            tls_args=encrypting(station),
            evt_handlers=[handler, hangs_up_after(left)],
        )
        if not call.is_established:
            raise LinkDown("The archive does not answer, or does not let us in by our title.")
        try:
            yield call
        except LinkDown:
            raise
        except (RuntimeError, ValueError, AttributeError, OSError) as error:
            raise LinkDown("The archive does not answer as it must.") from error
        else:
            if call.is_established:
                call.release()
        finally:
            # What is left of an answer is not waited for.
            if call.is_established:
                call.abort()


@contextmanager
def _hung_up(within_s: float) -> Iterator[evt.EventHandlerType]:
    """A handler by which a connection is cut after so long, whatever is being said.

    pynetdicom waits for each message anew, and without end for the rest of one that has begun.
    """
    connections: list[socket.socket] = []

    def opened(event: Event) -> None:
        connections.append(connection_of(event))

    def cut() -> None:
        for one in connections:
            # It may be closed already; what is encrypted is not to be unwrapped first.
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    timer = Timer(within_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield evt.EVT_CONN_OPEN, opened
    finally:
        timer.cancel()


def _found(call: Association, patient_id: str, until: float) -> list[Dataset]:
    found: list[Dataset] = []
    for told, one in call.send_c_find(_keys(patient_id), _FIND):
        status = int(told.Status) if "Status" in told else None
        if status == _SUCCESS:
            return found
        if status in _NO_SUCH_KEYS:
            raise LinkLacks("The archive does not say what it holds of a patient.")
        if status not in _PENDING or one is None or time.monotonic() > until:
            raise LinkDown("The archive does not answer a question to its end.")
        found.append(one)
        if len(found) > MOST:
            call.abort()
            return found
    raise LinkDown("The archive broke off.")


def _keys(patient_id: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    for keyword in TAGS:
        # Of a series alone (PS3.4 C.6.2.1.3); some archives refuse what is not of the level.
        if keyword != "BodyPartExamined":
            setattr(asked, keyword, "")
    for keyword in _SEQUENCES:
        setattr(asked, keyword, [])
    asked.PatientID = patient_id
    asked.SpecificCharacterSet = "ISO_IR 192"
    return asked


_SEQUENCES = (
    *("OtherPatientIDsSequence", "IssuerOfPatientIDQualifiersSequence"),
    "IssuerOfAccessionNumberSequence",
)


def _told(one: Dataset) -> Told:
    return Told(
        {keyword: _text(one, keyword) for keyword in TAGS},
        tuple(_text(one, "ModalitiesInStudy").split("\\")),
        _universal(one),
        next(
            (
                _text(item, "LocalNamespaceEntityID") or _text(item, "UniversalEntityID")
                for item in _items(one, "IssuerOfAccessionNumberSequence")
            ),
            "",
        ),
        tuple(
            (_text(item, "PatientID"), _text(item, "IssuerOfPatientID"), _universal(item))
            for item in _items(one, "OtherPatientIDsSequence")
        ),
    )


def _universal(one: Dataset) -> str:
    items = _items(one, "IssuerOfPatientIDQualifiersSequence")
    return next((_text(item, "UniversalEntityID") for item in items), "")


def _items(one: Dataset, keyword: str) -> Sequence[Dataset]:
    return one.get(keyword) or ()


def _text(one: Dataset, keyword: str) -> str:
    value = one.get(keyword)
    if value is None:
        return ""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return "\\".join(str(part) for part in value)
