"""An archive that speaks DICOM's own protocol: C-STORE, storage commitment, C-FIND and C-GET."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)
from pynetdicom import AE, _config, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext

from archive.dicomweb_link import CONNECTED_S, DicomWebLink
from archive.dimse.calling import hangs_up_after
from archive.dimse.received import Spooled, forget_received
from archive.dimse.sending import hold_little
from archive.dimse_station import Station
from archive.errors import ClassRefused, LinkDown, LinkLacks, LinkRefused
from archive.identity import uid_from
from archive.link import Instance, Moved, Named, Shown, unheard

# The file's bytes as they are: a decoded data set would be sent under another syntax's name.
_config.STORE_SEND_CHUNKED_DATASET = True

_VERIFICATION = "1.2.840.10008.1.1"
_COMMITMENT, _COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_FIND, _GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"

TIMEOUT_S = 60.0
COMMITTED_S = 20.0
"""How long a promise is waited for; afterwards it is asked for again, as the instance is."""
_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_SYNTAXES = (
    *(JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless),
    *(JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2K),
    *_UNCOMPRESSED,
)
_SUCCESS, _PENDING = 0x0000, frozenset({0xFF00, 0xFF01})
_WARNINGS = frozenset({0x0001, 0xB000, 0xB006, 0xB007})
_CLASS_REFUSED = frozenset({0x0122, *range(0xA900, 0xAA00)})
_PASSES = frozenset({0x0110, 0x0213, *range(0xA700, 0xA800)})


class DimseLink:
    """An archive at a station, which gives pixels back by `web` where that is given.

    One that does not let itself be asked has LinkLacks raised.
    """

    def __init__(self, station: Station, web: DicomWebLink | None = None) -> None:
        self._station, self._web = station, web

    def store(self, instance: Instance, moved: Moved = unheard) -> None:
        """Send a file in its own transfer syntax alone, as it lies there."""
        syntax = str(dcmread(instance.path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
        ae = _asking(self._station)
        ae.add_requested_context(instance.named.sop_class_uid, syntax)
        with self._called(ae) as call:
            if not _takes(call, instance.named.sop_class_uid):
                raise ClassRefused("The archive does not take images of this kind or coding.")
            hold_little(call, moved)
            with _as_it_should_be():
                told = call.send_c_store(instance.path)
        status = _status(told)
        if status == _SUCCESS or status in _WARNINGS:
            return
        if status in _CLASS_REFUSED:
            raise ClassRefused(f"The archive refuses images of this kind ({status:04X}).")
        if status in _PASSES:
            raise LinkDown(f"The archive did not take an instance ({status:04X}).")
        raise LinkRefused(f"The archive refuses the instance (status {status:04X}).")

    def committed(self, named: Named) -> bool | None:
        """Whether it promises to keep an instance; None where it is not to be asked.

        Its answer comes on this association, or on one of its own to where we listen. Raises
        LinkDown where none comes in time: an answer that is late is asked for again.
        """
        station = self._station
        if not station.commits:
            return None
        answer = _Answer(named.sop_instance_uid)
        handlers = [(evt.EVT_N_EVENT_REPORT, answer.reported)]
        ae = _asking(self._station)
        ae.add_requested_context(_COMMITMENT)
        with _listening(station, handlers), self._called(ae, handlers) as call:
            if not _takes(call, _COMMITMENT):
                raise LinkLacks("The archive does not promise to keep anything.")
            with _as_it_should_be():
                told, _ = call.send_n_action(
                    _request(named, station.called),
                    1,
                    _COMMITMENT,
                    _COMMITMENT_INSTANCE,
                )
            if _status(told) != _SUCCESS:
                raise LinkDown("The archive does not say now whether it keeps the instance.")
            return answer.awaited()

    def shown(self, named: Named) -> Shown | None:
        """Ask for an instance, and whose its study is."""
        ae = _asking(self._station)
        ae.add_requested_context(_FIND)
        with self._called(ae) as call:
            if not _takes(call, _FIND):
                raise LinkLacks("The archive does not say what it holds.")
            whose = ("PatientID", "AccessionNumber")
            found = _found(call, "IMAGE", _keys(named), ("SeriesInstanceUID", *whose))
            if not found:
                return None
            studies = found
            # Not every archive tells of a level above the one that is asked for.
            if not all(_text(one, "PatientID") for one in found):
                keys = {"StudyInstanceUID": named.study_instance_uid}
                studies = _found(call, "STUDY", keys, whose)
        if not studies:
            raise LinkDown("The archive's answer is no answer.")
        places = {tuple(_text(one, keyword) for keyword in whose) for one in studies}
        series = {_text(one, "SeriesInstanceUID") for one in found}
        patient_id, accession_number = min(places)
        study, count = named.study_instance_uid, max(len(places), len(series), len(found))
        return Shown(patient_id, study, accession_number, min(series), count)

    def fetch(
        self,
        named: Named,
        series_instance_uid: str,
        into: Path,
        most_bytes: int,
        moved: Moved = unheard,
    ) -> None:
        """Have an instance back in the transfer syntax in which the archive keeps it."""
        if self._web is not None:
            self._web.fetch(named, series_instance_uid, into, most_bytes, moved)
            return
        # It is written as it comes; an instance is never held whole.
        _config.STORE_RECV_CHUNKED_DATASET = True
        spooled, statuses = Spooled(into, most_bytes, moved), list[int]()
        ae = _asking(self._station)
        # Each syntax in a context of its own, so that the archive need not choose one of them.
        ae.requested_contexts = [
            _context(_GET, _UNCOMPRESSED),
            *(_context(named.sop_class_uid, (one,)) for one in _SYNTAXES),
        ]
        roles = [build_role(named.sop_class_uid, scp_role=True)]
        heard: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, spooled.came),
            (evt.EVT_DATA_RECV, spooled.heard),
        ]
        with self._called(ae, heard, roles) as call:
            if not _takes(call, _GET):
                raise LinkLacks("The archive does not give back what it holds.")
            asked = _identifier("IMAGE", _keys(named, series_instance_uid), ())
            try:
                with _as_it_should_be():
                    statuses += [_status(told) for told, _ in call.send_c_get(asked, _GET)]
            except LinkDown:
                if not spooled.is_too_large:
                    raise
            finally:
                forget_received(call)
        if spooled.is_too_large:
            raise LinkRefused("The archive gives back more than the instance can be; look at it.")
        if not spooled.has_come:
            told_last = statuses[-1] if statuses else 0
            if told_last in _PASSES:
                raise LinkDown(f"The archive did not give an instance back ({told_last:04X}).")
            raise LinkRefused(f"The archive shows it and does not give it back ({told_last:04X}).")

    def remove(self, named: Named) -> bool:
        """There is no message by which an archive deletes; where it is an Orthanc, by its own."""
        return self._web is not None and self._web.remove(named)

    @contextmanager
    def _called(
        self,
        ae: AE,
        handlers: Sequence[evt.EventHandlerType] = (),
        roles: Sequence[object] = (),
    ) -> Iterator[Association]:
        station = self._station
        call = ae.associate(
            station.host,
            station.port,
            ae_title=station.called,
            ext_neg=list(roles) or None,  # type: ignore[arg-type]
            evt_handlers=[*handlers, hangs_up_after(TIMEOUT_S)],
            tls_args=encrypting(station),
        )
        if not call.is_established:
            raise LinkDown("The archive does not answer, or does not let us in by our title.")
        try:
            yield call
        finally:
            if call.is_established:
                call.release()


class _Answer:
    """What an archive says of one instance, whichever association it comes by."""

    def __init__(self, uid: str) -> None:
        self._uid, self._has_come = uid, threading.Event()
        self._is_kept: bool | None = None

    def reported(self, event: Event) -> tuple[int, None]:
        """Take an N-EVENT-REPORT; one of another instance is taken and means nothing here."""
        told = event.event_information
        for keyword, is_kept in (("ReferencedSOPSequence", True), ("FailedSOPSequence", False)):
            for one in told.get(keyword) or ():
                if _text(one, "ReferencedSOPInstanceUID") == self._uid:
                    self._is_kept = is_kept
                    self._has_come.set()
        return _SUCCESS, None

    def awaited(self) -> bool:
        """The answer; raises LinkDown where none comes."""
        if not self._has_come.wait(COMMITTED_S) or self._is_kept is None:
            raise LinkDown("The archive has not said yet whether it keeps the instance.")
        return self._is_kept


@contextmanager
def _listening(station: Station, handlers: Sequence[evt.EventHandlerType]) -> Iterator[None]:
    """Listen for what the archive says on an association of its own, where it does so."""
    if station.listens is None:
        yield
        return
    ae = AE(station.calling)
    ae.require_called_aet = True
    ae.add_supported_context(_COMMITMENT, scu_role=True, scp_role=True)
    ae.add_supported_context(_VERIFICATION)
    try:
        ae.start_server(station.listens, block=False, evt_handlers=list(handlers))
    except OSError as error:
        raise LinkDown("Somebody else listens where the archive is to answer.") from error
    try:
        yield
    finally:
        ae.shutdown()


def _asking(station: Station) -> AE:
    ae = AE(station.calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT_S
    ae.connection_timeout = CONNECTED_S
    # So that an association comes about, whatever else is refused in it.
    ae.add_requested_context(_VERIFICATION)
    return ae


def _context(abstract_syntax: str, syntaxes: Sequence[str]) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = abstract_syntax
    context.transfer_syntax = list(syntaxes)
    return context


def encrypting(station: Station) -> tuple[ssl.SSLContext, str] | None:
    """How an archive is called over TLS; None where it is not."""
    if station.tls is None:
        return None
    context = ssl.create_default_context(cafile=station.tls.authorities)
    if station.tls.certificate is not None:
        context.load_cert_chain(station.tls.certificate, station.tls.key)
    return context, station.host


def _takes(call: Association, abstract_syntax: str) -> bool:
    return any(one.abstract_syntax == abstract_syntax for one in call.accepted_contexts)


def _request(named: Named, called: str) -> Dataset:
    """A request for storage commitment (PS3.4 J.3.2); asked again, it is the same one."""
    asked, item = Dataset(), Dataset()
    asked.TransactionUID = uid_from("storage commitment", called, named.sop_instance_uid)
    item.ReferencedSOPClassUID = named.sop_class_uid
    item.ReferencedSOPInstanceUID = named.sop_instance_uid
    asked.ReferencedSOPSequence = Items([item])
    return asked


def _keys(named: Named, series_instance_uid: str = "") -> dict[str, str]:
    series = series_instance_uid or named.series_instance_uid
    return {
        "StudyInstanceUID": named.study_instance_uid,
        **({"SeriesInstanceUID": series} if series else {}),
        "SOPInstanceUID": named.sop_instance_uid,
    }


def _identifier(level: str, keys: dict[str, str], wanted: Sequence[str]) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword in wanted:
        setattr(asked, keyword, "")
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


def _found(
    call: Association, level: str, keys: dict[str, str], wanted: Sequence[str]
) -> list[Dataset]:
    """Every match; raises LinkDown where the archive does not get to its end."""
    found: list[Dataset] = []
    status = -1
    with _as_it_should_be():
        for told, one in call.send_c_find(_identifier(level, keys, wanted), _FIND):
            status = _status(told)
            if status in _PENDING and one is not None:
                found.append(one)
    if status != _SUCCESS:
        raise LinkDown(f"The archive does not answer a question ({status:04X}).")
    return found


def _status(told: Dataset) -> int:
    """The status of an answer; raises LinkDown where the association ended without one."""
    if "Status" not in told:
        raise LinkDown("The archive broke off.")
    return int(told.Status)


def _text(one: Dataset, keyword: str) -> str:
    return str(one.get(keyword) or "")


@contextmanager
def _as_it_should_be() -> Iterator[None]:
    """What an association raises that ended in the midst, or an answer that is none."""
    try:
        yield
    except LinkDown:
        raise
    except (RuntimeError, ValueError, AttributeError, OSError) as error:
        raise LinkDown("The archive does not answer as it must.") from error
