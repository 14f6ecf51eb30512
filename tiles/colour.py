"""Colour profiles as DICOM wants them.

PS3.3 C.11.15.1.1 asks for an input profile, device class `scnr`; what cameras, scanners and
libraries hand out is mostly `mntr`. The class is a label in the header: the transform stays.
"""

from functools import cache

_CLASS = slice(12, 16)
_DATE = slice(24, 36)
_SIGNATURE = slice(36, 40)
_HEADER_BYTES = 128


def as_input_profile(icc_profile: bytes) -> bytes | None:
    """The profile with device class `scnr`; None for bytes that are no ICC profile."""
    if len(icc_profile) < _HEADER_BYTES or icc_profile[_SIGNATURE] != b"acsp":
        return None
    profile = bytearray(icc_profile)
    profile[_CLASS] = b"scnr"
    # A profile ID is a digest of the profile; zero says that it was not computed (ICC.1, 7.2.18).
    profile[84:100] = bytes(16)
    return bytes(profile)


@cache
def srgb_profile() -> bytes:
    """An sRGB input profile, the same bytes every time."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE] = bytes.fromhex("07d000010001000000000000")  # LittleCMS writes today's date
    made = as_input_profile(bytes(profile))
    if made is None:
        raise ValueError("LittleCMS made no profile")
    return made
