"""A server with a patient whose lesions were photographed at two visits, and a browser."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures
from playwright.sync_api import Browser

from api import cli
from api.settings import read_settings
from api.work import open_workplace
from archive.body_site import Side, site_of_code
from archive.catalog import Catalog
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid, MapPosition, MapView
from tests.browser import DESKTOP
from tests.dermato.altered import Again, again
from tests.dermato.rulers import with_ruler
from tests.samples import sample
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.serving import running

WIDTH, HEIGHT = 720, 540
PITCH_PX = 11.5
PATIENT = PatientIdentity("1234", "SERVICE")
VISITS = (date(2025, 3, 12), date(2026, 9, 16))


@dataclass(frozen=True)
class Followed:
    """A running server, and the ids of what is in it."""

    address: str
    state: Path
    """Cookies of somebody who has come in by the printed link."""
    patient: str
    forearm: str
    """A lesion whose two visits are aligned."""
    cheek: str
    """One whose pictures cannot be."""
    back: str
    """One of which a test may cover the pictures."""
    truth: Again
    ruled: str
    """A photograph of the first, with a ruler in it."""
    unruled: str
    """A photograph of it without one."""
    environment: dict[str, str]
    """Where its data are."""

    def of_another(self) -> tuple[str, list[str]]:
        """A patient whom no other test knows, with lesions at the same places."""
        with Catalog.open(read_settings(self.environment).database_url) as catalog:
            traits = {"name": "ESSAI^Lou"}
            said = Stated(os.urandom(4).hex(), "SERVICE", traits, datetime.now(UTC), "GAM")
            key = catalog.identities.state("local", said).key
            return key, lesions(catalog, key)


def dermoscopy(number: int, folder: Path) -> np.ndarray[Any, Any]:
    """A real one, or one that is made, small enough to be quick."""

    def made(path: Path) -> None:
        make_photo(path, kind="dermoscopy", seed=number, width=WIDTH, height=HEIGHT)

    path = sample(f"derm/dermoscopy/ISIC_000000{number}.jpg", made)
    with Pictures.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((WIDTH, HEIGHT)))


def kept(pixels: np.ndarray[Any, Any], path: Path, day: date) -> Path:
    """A camera's file of that day."""
    exif = Pictures.Exif()
    exif.get_ifd(0x8769)[0x9003] = f"{day:%Y:%m:%d} 10:30:00"
    Pictures.fromarray(pixels).save(path, quality=92, exif=exif)
    return path


def lesions(catalog: Catalog, key: str) -> list[str]:
    """Some lesions over the body, as they were seen at the visits."""
    places: list[tuple[str, Side | None, str, MapPosition | None, int]] = [
        ("70559009", Side.LEFT, "nævus", MapPosition(MapView.FRONT, 0.81, 0.412), 0),
        ("36141000", Side.RIGHT, "", MapPosition(MapView.FACE, 0.29, 0.56), 0),
        ("699893008", None, "", MapPosition(MapView.BACK, 0.58, 0.21), 0),
        ("61248009", Side.RIGHT, "", MapPosition(MapView.FRONT, 0.38, 0.6), 0),
        ("244106003", None, "papule", MapPosition(MapView.FRONT, 0.55, 0.27), 1),
    ]
    made = [
        catalog.lesions.create(
            key,
            LesionSaid(site_of_code(code), side, label, position),
            LesionEvent(LesionEventKind.FIRST_SEEN, VISITS[visit]),
            establishment="local",
        ).id
        for code, side, label, position, visit in places
    ]
    excised = LesionEvent(LesionEventKind.EXCISED, VISITS[1])
    catalog.lesions.record(made[3], excised, establishment="local")
    return made


@pytest.fixture(scope="module")
def followed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("lesions")
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    whose = ["--patient-id", "1234", "--issuer", "SERVICE", "--patient-name", "ESSAI^Élodie"]
    whose += ["--birth-date", "19570307", "--sex", "F"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)

        def taken(*command: str) -> str:
            with redirect_stdout(io.StringIO()) as told:
                assert cli.main([*command, *whose, "--json"]) == 0
            return str(json.loads(told.getvalue().splitlines()[-1])["image"])

        slide = small_svs(folder / "slide.svs", 600, 400, 240, seed=7)
        taken("ingest", str(slide), "--accession", "B25-0042")
        with open_workplace(read_settings()) as place:
            key = place.catalog.lesions.patient_key(PATIENT, establishment="local")
            forearm, cheek, back, *_ = lesions(place.catalog, key)
        one, other, third = (dermoscopy(number, folder) for number in (0, 2, 3))
        truth = again(one, "re-lit", seed=4)
        ruler = with_ruler(one, PITCH_PX, 12, length_mm=45, seed=2)

        def photo(
            pixels: np.ndarray[Any, Any], visit: int, site: list[str], kind: str, lesion: str
        ) -> str:
            path = kept(pixels, folder / f"{os.urandom(4).hex()}.jpg", VISITS[visit])
            how = ["--accession", f"D{visit}", "--kind", kind, "--lesion", lesion]
            return taken("photo", str(path), "--site", *site, *how)

        arm = ["70559009", "--side", "L"]
        face = ["36141000", "--side", "R"]
        unruled = photo(one, 0, arm, "dermoscopy", forearm)
        ruled = photo(ruler, 0, arm, "close-up", forearm)
        photo(truth.pixels, 1, arm, "dermoscopy", forearm)
        photo(other, 0, face, "dermoscopy", cheek)
        photo(third, 1, face, "dermoscopy", cheek)
        for visit, pixels in enumerate((other, third)):
            photo(np.flipud(pixels), visit, ["699893008"], "dermoscopy", back)
    with running(own, workers=1) as server:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        page.goto(server.link)
        page.wait_for_selector(".exam-link")
        context.storage_state(path=folder / "state.json")
        context.close()
        yield Followed(
            address=server.address,
            state=folder / "state.json",
            patient=key,
            forearm=forearm,
            cheek=cheek,
            back=back,
            truth=truth,
            ruled=ruled,
            unruled=unruled,
            environment=own,
        )
