"""Where an archive is called by DICOM's own protocol, and by which names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Files in PEM by which an archive is called over TLS; `authorities` sign its certificate."""

    authorities: Path
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """Where an archive listens, by which titles, and where we listen for what it promises.

    `listens` is None where it tells on the association by which it was asked.
    """

    host: str
    port: int
    called: str
    calling: str = "SANSVERRE"
    tls: Encrypted | None = None
    commits: bool = False
    listens: tuple[str, int] | None = None
