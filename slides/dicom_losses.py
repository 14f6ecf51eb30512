"""What the pixels of a DICOM instance lost before they came here, as its header and syntax say.

Source: PS3.3 C.7.6.1.1.5.
"""

from itertools import zip_longest

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from tiles.coding import HTJ2K_METHOD, JPEG_2000_METHOD, JPEG_METHOD, JPEG_XL_METHOD, Loss

LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50": JPEG_METHOD,
    "1.2.840.10008.1.2.4.51": JPEG_METHOD,
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": JPEG_2000_METHOD,
    "1.2.840.10008.1.2.4.203": HTJ2K_METHOD,
    "1.2.840.10008.1.2.4.111": JPEG_XL_METHOD,
    "1.2.840.10008.1.2.4.112": JPEG_XL_METHOD,
}
"""Transfer Syntax UID → defined term of what it may lose."""


def losses_of(header: Dataset, decoded_bytes: int, stored_bytes: int) -> tuple[Loss, ...]:
    """The lossy compressions of an instance, that of its frames the last.

    Frames of a lossy syntax count as lossy unless the header denies it. A ratio that the header
    does not state is that of the frames.
    """
    own = f"{decoded_bytes / max(1, stored_bytes):.2f}"
    method = LOSSY_SYNTAXES.get(str(header.file_meta.TransferSyntaxUID))
    if str(header.get("LossyImageCompression", "")) == "00":
        return ()
    methods = _values(header, "LossyImageCompressionMethod")
    ratios = _values(header, "LossyImageCompressionRatio")
    stated = [
        Loss(how or method or JPEG_METHOD, ratio or own)
        for how, ratio in zip_longest(methods, ratios)
    ]
    if method is None:
        return tuple(stated)
    return (*stated[:-1], Loss(method, own))


def _values(header: Dataset, keyword: str) -> list[str]:
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return [str(one) for one in value] if isinstance(value, MultiValue) else [str(value)]
