"""Fetch the viewers that tests open: built packages of npm, pinned, without what they depend on.

That is built into them, and OHIF's list of it cannot be installed. They come into a folder that is
not kept: `python -m tests.viewers.install`.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent / "node_modules"


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm, the digest of the archive that it comes in, and what is built in it."""

    name: str
    version: str
    sha512: str
    built: str = "dist"

    @property
    def path(self) -> Path:
        """Where what its makers built lies; raises FileNotFoundError before it is installed."""
        if not self.is_installed():
            raise FileNotFoundError(f"{self.name} is not installed (`make ready` does it)")
        return self._folder / self.built

    def is_installed(self) -> bool:
        """Whether it lies there in this version."""
        return self._mark.exists()

    def install(self) -> None:
        """Fetch it with npm; raises ValueError where it is not what was pinned."""
        with TemporaryDirectory() as folder:
            what = f"{self.name}@{self.version}"
            command = ["npm", "pack", "--silent", "--pack-destination", folder, what]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(folder).iterdir()
            digest = hashlib.sha512(archive.read_bytes()).digest()
            if base64.b64encode(digest).decode() != self.sha512:
                raise ValueError(f"{what} is not what was pinned")
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder) / "package", self._folder)
        self._mark.touch()

    @property
    def _folder(self) -> Path:
        return FOLDER / self.name

    @property
    def _mark(self) -> Path:
        return self._folder / f".installed-{self.version}"


OHIF = Package(
    "@ohif/app",
    "3.13.2",
    "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==",
)
MICROSCOPY_VIEWER = Package(
    "dicom-microscopy-viewer",
    "0.48.24",
    "016o/23eNqXMxgX5EjnDmFz1ROSMQmU7vmRlTVPUgshl6NaBrZzEyWkzq4BNaFFPfrE274AWdR5crW51cWh+9g==",
)
DICOMWEB_CLIENT = Package(
    "dicomweb-client",
    "0.11.3",
    "7t1Rc/01fyFnKlQeNPW9Pvxvmsx8R/BgB2n7BxTuWirRFwlTC5upEeLeS3vO72P+n6/SQZ3+5ij0bgaWDHQG/A==",
    "build",
)
PACKAGES = (OHIF, MICROSCOPY_VIEWER, DICOMWEB_CLIENT)

if __name__ == "__main__":
    for package in PACKAGES:
        if not package.is_installed():
            package.install()
