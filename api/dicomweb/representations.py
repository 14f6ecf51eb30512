"""In which forms what is stored can be given, by its transfer syntax (PS3.18, 8.7.3)."""

from functools import cache

from api.dicomweb.media import Offer

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DICOM, OCTETS = "application/dicom", "application/octet-stream"

_MEDIA_TYPES = {
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
}
_LOSSLESS = frozenset(
    {
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.201",
        "1.2.840.10008.1.2.4.202",
    }
)


@cache
def instance_offers(transfer_syntax_uid: str, *, fits: bool = True) -> tuple[Offer, ...]:
    """Of a whole instance; `fits` is whether its decoded frames fit into one element.

    What was stored with loss goes as it is stored, what was not is decoded for those who name no
    syntax (8.7.3.4). Nothing is ever compressed again.
    """
    is_lossless = transfer_syntax_uid in _LOSSLESS and fits
    stored = Offer(DICOM, transfer_syntax_uid, is_default=not is_lossless)
    return (_decoded(DICOM), stored) if is_lossless else (stored,)


@cache
def frame_offers(transfer_syntax_uid: str) -> tuple[Offer, ...]:
    """Of single frames."""
    is_lossless = transfer_syntax_uid in _LOSSLESS
    media_type = _MEDIA_TYPES.get(transfer_syntax_uid)
    own = () if media_type is None else (Offer(media_type, transfer_syntax_uid),)
    octets = Offer(OCTETS, transfer_syntax_uid, is_default=not is_lossless)
    return (_decoded(OCTETS), *own, octets) if is_lossless else (*own, octets)


def _decoded(media_type: str) -> Offer:
    return Offer(media_type, EXPLICIT_VR_LITTLE_ENDIAN, is_stored=False)
