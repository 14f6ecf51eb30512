"""The kinds of instances that are taken, and the transfer syntaxes."""

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MICROSCOPIC = frozenset({"1.2.840.10008.5.1.4.1.1.77.1.2", "1.2.840.10008.5.1.4.1.1.77.1.3"})
"""VL Microscopic and VL Slide-Coordinates Microscopic: each is an image of its own."""
PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
CLASSES = frozenset({WHOLE_SLIDE, *MICROSCOPIC, PHOTOGRAPHIC, DERMOSCOPIC})

IMPLICIT_VR = "1.2.840.10008.1.2"
EXPLICIT_VR = "1.2.840.10008.1.2.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
SYNTAXES = (
    JPEG_BASELINE,
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    EXPLICIT_VR,
    IMPLICIT_VR,
)
"""As they are preferred, where whoever sends has a choice."""
