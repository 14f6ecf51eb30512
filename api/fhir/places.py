"""The addresses of FHIR's resources (R4, http)."""

ROOT = "/fhir"
METADATA = f"{ROOT}/metadata"
KINDS = ("Patient", "ImagingStudy", "DiagnosticReport", "Endpoint")
"""The resources that there are."""

SEARCHED = {f"{ROOT}/{kind}": kind for kind in KINDS}
POSTED = {f"{ROOT}/{kind}/_search": kind for kind in KINDS}
"""Where a search is posted, so that no address holds what is looked for."""
READ = {f"{ROOT}/{kind}/{{id}}": kind for kind in KINDS}

HISTORY = f"{ROOT}/DiagnosticReport/{{id}}/_history"
VERSION = f"{HISTORY}/{{version}}"
"""Of what has versions that are kept."""

ROUTES = (METADATA, *SEARCHED, *POSTED, *READ, HISTORY, VERSION)


def is_fhir(path: str) -> bool:
    """Whether an address is one of these, or would be."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def address(origin: str, kind: str, name: str) -> str:
    """Where a resource is read."""
    return f"{origin}{ROOT}/{kind}/{name}"
