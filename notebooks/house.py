"""A small house for the notebooks: an archive in a scratch folder, served on the machine itself.

Everything goes by the commands that a person types; nothing of it outlives the notebook.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import dask.array as da
import obstore.store
import zarr
from zarr.storage import ObjectStore

from api.settings import read_settings
from api.work import open_workplace
from archive.record import ObjectRole

COMMAND = [sys.executable, "-m", "api.cli"]


class House:
    """An archive of its own, and its server while it is open."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="sansverre-notebook-")
        self.folder = Path(self._scratch.name)
        own = {"SANSVERRE_DATA": f"{self.folder}/data", "SANSVERRE_SECRETS": f"{self.folder}/keys"}
        self._environment = {**os.environ, **own}
        self._settings = read_settings(own)
        self._server: subprocess.Popen[str] | None = None

    def run(self, *arguments: str | Path) -> str:
        """What `sansverre ARGUMENTS` prints; raises CalledProcessError where it fails."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def ingest(self, file: Path) -> str:
        """Take a file into the archive and give its image's id."""
        return str(json.loads(self.run("ingest", "--json", file))["image"])

    def serve(self) -> str:
        """Start the server on a free port and give its address."""
        command = [*COMMAND, "serve", "--port", "0", "--workers", "1"]
        self._server = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout is not None
        links = (re.search(r"(http://\S+)/enter", line) for line in self._server.stdout)
        return next(found[1] for found in links if found)

    def stored(self, image: str, role: ObjectRole) -> list[Path]:
        """The files that the archive keeps of an image, largest level first."""
        with open_workplace(self._settings) as place:
            objects = place.catalog.image(image, establishment=None).objects_as(role)
            return [path for one in objects if (path := place.storage.local_path(one.key))]

    def close(self) -> None:
        """Stop the server and forget everything."""
        if self._server is not None:
            self._server.terminate()
            self._server.communicate(timeout=30)
        self._scratch.cleanup()


def open_http(address: str, token: str) -> zarr.Group:
    """An OME-Zarr of a running server; nothing of it is read yet but its description."""
    headers = {"authorization": f"Bearer {token}"}
    options = {"allow_http": True, "default_headers": headers}
    store = obstore.store.HTTPStore.from_url(address, client_options=options)
    return zarr.open_group(ObjectStore(store, read_only=True), mode="r", zarr_format=3)


def levels(group: zarr.Group) -> list[da.Array]:
    """The levels of an OME-Zarr as dask arrays, largest first."""
    [image] = group.attrs["ome"]["multiscales"]
    return [da.from_zarr(group[one["path"]]) for one in image["datasets"]]


def spacing_um(group: zarr.Group, level: int) -> tuple[float, float]:
    """The extent (y, x) of a pixel of a level in micrometres."""
    [image] = group.attrs["ome"]["multiscales"]
    y, x = image["datasets"][level]["coordinateTransformations"][0]["scale"][-2:]
    return y, x
