"""The addresses of DICOMweb's resources (PS3.18, 10.2 and 10.3)."""

import re

ROOT = "/dicomweb"
CAPABILITIES = ROOT
STUDIES, STUDY = f"{ROOT}/studies", f"{ROOT}/studies/{{study}}"
SERIES = f"{STUDY}/series/{{series}}"
INSTANCE = f"{SERIES}/instances/{{instance}}"

FRAMES = f"{INSTANCE}/frames/{{frames}}"
RETRIEVED = (STUDY, SERIES, INSTANCE)
METADATA = tuple(f"{one}/metadata" for one in RETRIEVED)
RENDERED = tuple(f"{one}/rendered" for one in (*RETRIEVED, FRAMES))
THUMBNAILS = tuple(f"{one}/thumbnail" for one in (*RETRIEVED, FRAMES))
PIXEL_DATA = f"{INSTANCE}/pixeldata"
ALL_PIXEL_DATA = (f"{STUDY}/pixeldata", f"{SERIES}/pixeldata")
ALL_BULK_DATA = tuple(f"{one}/bulkdata" for one in RETRIEVED)
BULK_DATA = f"{INSTANCE}/bulkdata/{{path}}"
FOUND_STUDIES = (STUDIES,)
FOUND_SERIES = (f"{ROOT}/series", f"{STUDY}/series")
FOUND_INSTANCES = (f"{ROOT}/instances", f"{STUDY}/instances", f"{SERIES}/instances")

STORED = (STUDIES, STUDY)
"""Where instances are posted to (10.5)."""

ROUTES = (
    # The first is asked for by the thousand.
    FRAMES,
    *RETRIEVED,
    *METADATA,
    *RENDERED,
    *THUMBNAILS,
    PIXEL_DATA,
    *ALL_PIXEL_DATA,
    BULK_DATA,
    *ALL_BULK_DATA,
    *FOUND_STUDIES,
    *FOUND_SERIES,
    *FOUND_INSTANCES,
    CAPABILITIES,
)

METHODS = {
    CAPABILITIES: frozenset({"OPTIONS"}),
    **dict.fromkeys(STORED, frozenset({"GET", "HEAD", "POST"})),
}
"""Of the routes that are not read alone."""

SUMMARIES = {
    **dict.fromkeys(FOUND_STUDIES, ("QIDO-RS: studies that match", "application/dicom+json")),
    **dict.fromkeys(FOUND_SERIES, ("QIDO-RS: series that match", "application/dicom+json")),
    **dict.fromkeys(FOUND_INSTANCES, ("QIDO-RS: instances that match", "application/dicom+json")),
    **dict.fromkeys(RETRIEVED, ("WADO-RS: instances as files", "multipart/related")),
    **dict.fromkeys(METADATA, ("WADO-RS: what headers say", "application/dicom+json")),
    **dict.fromkeys(RENDERED, ("WADO-RS: pictures for those who read no DICOM", "image/jpeg")),
    **dict.fromkeys(THUMBNAILS, ("WADO-RS: one small picture", "image/jpeg")),
    FRAMES: ("WADO-RS: frames; the stored bytes wherever they suit", "multipart/related"),
    CAPABILITIES: ("What these services can do", "application/vnd.sun.wadl+xml"),
    PIXEL_DATA: ("WADO-RS: all frames", "multipart/related"),
    **dict.fromkeys(ALL_PIXEL_DATA, ("WADO-RS: all frames of all", "multipart/related")),
    **dict.fromkeys(ALL_BULK_DATA, ("WADO-RS: all that is large", "multipart/related")),
    BULK_DATA: ("WADO-RS: one large value of a header", "multipart/related"),
}
"""What each route gives, and as what by default."""

_NAMES = {
    "study": r"[0-9.]{1,64}",
    "series": r"[0-9.]{1,64}",
    "instance": r"[0-9.]{1,64}",
    "frames": r"[0-9]{1,9}(?:(?:,|%2C)[0-9]{1,9})*",
    "path": r"[0-9A-F]{8}(?:/[0-9]{1,4}/[0-9A-F]{8})*",
}


def pattern_of(template: str) -> re.Pattern[str]:
    """What matches the addresses of a route."""
    parts = re.split(r"\{(\w+)\}", template)
    told = [
        f"(?P<{part}>{_NAMES[part]})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    ]
    # What all lies under may be asked for with its slash (8.9).
    return re.compile("".join(told) + ("/?" if template == ROOT else ""))


PATTERNS = tuple((template, pattern_of(template)) for template in ROUTES)
