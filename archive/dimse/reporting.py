"""N-EVENT-REPORT (PS3.7 10.1.1) on an association of its own: what a provider tells by itself."""

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import build_context, build_role

from archive.dimse.calling import Called, associated
from archive.errors import LinkDown, LinkRefused


def report(
    own_title: str, called: Called, sop_class: str, instance: str, event_type: int, told: Dataset
) -> None:
    """Tell a peer, as the provider of the service; raises LinkDown and LinkRefused."""
    context = build_context(UID(sop_class), [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    role = build_role(UID(sop_class), scp_role=True)
    with associated(own_title, called, [context], [role]) as association:
        try:
            status, _ = association.send_n_event_report(
                told, event_type, UID(sop_class), UID(instance)
            )
        except ValueError as error:
            raise LinkRefused("The peer does not take this report.") from error
        except RuntimeError as error:
            raise LinkDown("The peer has hung up.") from error
    if status.get("Status") != 0x0000:
        raise LinkDown("The peer did not take the report.")
