"""A photograph at a glance, for somebody who waits with it before them."""

import subprocess
import sys
from pathlib import Path

from tests.samples.photo import make_photo


def test_a_glance_loads_nothing_that_takes_long(tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=320, height=240)
    program = "import sys; from api.tasks import look; look(lambda *_: None, *sys.argv[1:])"
    small = tmp_path / "small.jpg"
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sorted(sys.modules))", photo, small],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert small.stat().st_size
    assert "dermato.quality" in loaded
    assert not {"sqlalchemy", "pydicom", "fastapi", "dask", "zarr"} & set(loaded)
