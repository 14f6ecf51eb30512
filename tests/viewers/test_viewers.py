"""Others' viewers of another origin open a slide and a dermoscopy from our DICOMweb.

What they show is compared with what OpenSlide and Pillow read of the files that were given.
"""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
import pytest
from PIL import Image, ImageCms
from playwright.sync_api import Browser, Page

from api import cli
from api.doors import Doors
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import read_settings, signing_key
from api.work import open_workplace
from archive.query import FoundSeries, Query
from tests.browser import DESKTOP, attentive, chromium
from tests.samples import sample
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.serving import running
from tests.viewers.install import DICOMWEB_CLIENT, MICROSCOPY_VIEWER, OHIF
from tests.viewers.site import site
from tiles.source import Pixels

# Both draw with WebGL, which a machine without a graphics card computes.
WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
LOADED_MS = 60_000


@dataclass(frozen=True)
class Place:
    """A running server, and the sites of the two viewers that may ask it."""

    address: str
    token: str
    slide: Path
    photo: Path
    series: dict[str, FoundSeries]
    microscopy: str
    ohif: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def webgl() -> Iterator[Browser]:
    with chromium(*WEBGL) as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("viewers")
    pages = {"/": ""}
    parts = {"/viewer/": MICROSCOPY_VIEWER.path, "/client/": DICOMWEB_CLIENT.path}
    ohif_pages = {"/": (OHIF.path / "index.html").read_text()}
    slide = sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)
    photo = sample("derm/dermoscopy/ISIC_0000000.jpg", a_dermoscopy)
    with ExitStack() as held:
        microscopy = held.enter_context(site(parts, pages))
        ohif = held.enter_context(site({"/": OHIF.path}, ohif_pages))
        environment = {
            "SANSVERRE_DATA": str(folder / "data"),
            "SANSVERRE_SECRETS": str(folder / "secrets"),
            "SANSVERRE_READ_ORIGINS": f"{microscopy} {ohif}",
        }
        patch = held.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = read_settings()
        with open_workplace(settings) as workplace:
            ingest(workplace, slide, Order("local", accession_number="A1"))
            dermoscopy = ["photo", str(photo), "--kind", "dermoscopy", "--patient-id", "1"]
            told = [*dermoscopy, "--issuer", "R", "--site", "70559009", "--side", "L", "--json"]
            assert cli.main(told) == 0
            found = workplace.catalog.instances.series(Query(), establishment=None)
        series = {one.described.modality: one for one in found}
        token = Doors(signing_key(settings)).issue(Role.READER)
        served = held.enter_context(running(environment, workers=1))
        ohif_pages["/app-config.js"] = OHIF_CONFIG % json.dumps(f"{served.address}/dicomweb")
        yield Place(served.address, token, slide, photo, series, microscopy, ohif, pages)


@contextmanager
def patient(browser: Browser) -> Iterator[Page]:
    """A page for what is large and drawn by a processor."""
    with attentive(browser.new_context(**DESKTOP)) as page:
        page.set_default_timeout(LOADED_MS)
        yield page


def a_dermoscopy(path: Path) -> Path:
    return make_photo(path, kind="dermoscopy", width=1022, height=767)


def in_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    if profile is None:
        return image
    turned = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
    assert turned is not None
    return turned


def whole_slide(place: Place) -> Image.Image:
    """As dicom-microscopy-viewer turns slides: the label on the right, where we have it left."""
    with openslide.OpenSlide(place.slide) as slide:
        whole = slide.read_region((0, 0), 0, slide.dimensions).convert("RGB")
        return in_srgb(whole, slide.color_profile).transpose(Image.Transpose.ROTATE_180)


def require_shown(shown: Pixels, expected: Image.Image) -> None:
    """The picture fills the middle of what is shown, and would be far worse anywhere else.

    Viewers draw between the pixels of the screen, so means of 8 × 8 of them are compared.
    """
    height, width = shown.shape[:2]
    scale = min(width / expected.width, height / expected.height)
    size = round(expected.width * scale), round(expected.height * scale)
    picture = np.asarray(expected.resize(size, Image.Resampling.BOX)).astype(float)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    # Their own controls and rulers lie in the corners.
    across, down = size[0] // 4, size[1] // 4
    inner = picture[down : 3 * down, across : 3 * across]

    def error(x: int, y: int) -> float:
        there = shown[top + down + y :, left + across + x :][: inner.shape[0], : inner.shape[1]]
        return float(np.abs(eighths(there) - eighths(inner)).mean())

    around = range(-12, 13, 4)
    errors = {(x, y): error(x, y) for x in around for y in around}
    right = min(errors[x, y] for x in (-4, 0, 4) for y in (-4, 0, 4))
    far = [errors[x, y] for x in (-12, 12) for y in (-12, 12)]
    assert right < 6, errors
    assert right < 0.7 * min(far), errors


def eighths(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[0] // 8, pixels.shape[1] // 8
    cut = pixels[: height * 8, : width * 8].astype(float)
    return np.asarray(cut.reshape(height, 8, width, 8, 3).mean(axis=(1, 3)))


def picture_of(page: Page, selector: str, keep: Path) -> Pixels:
    data = page.locator(selector).first.screenshot(path=keep)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def until_shown(page: Page, selector: str, expected: Image.Image, keep: Path) -> None:
    """What is drawn comes by and by: it is compared until it is right, and told if it never is."""
    for _ in range(LOADED_MS // 1000):
        try:
            require_shown(picture_of(page, selector, keep), expected)
        except AssertionError:
            page.wait_for_timeout(1000)
        else:
            return
    require_shown(picture_of(page, selector, keep), expected)


MICROSCOPY_PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<div id="viewport" style="width:900px;height:700px"></div>
<script>window.PUBLIC_LIB_URL = "/viewer/dynamic-import/";</script>
<script src="/client/dicomweb-client.js"></script>
<script src="/viewer/dicomMicroscopyViewer.bundle.min.js"></script>
<script type="module">
const { url, token, names } = %s;
const headers = { Authorization: `Bearer ${token}` };
const client = new DICOMwebClient.api.DICOMwebClient({ url, headers });
const told = await client.retrieveSeriesMetadata(names);
const { VLWholeSlideMicroscopyImage } = dicomMicroscopyViewer.metadata;
const images = told.map((metadata) => new VLWholeSlideMicroscopyImage({ metadata }));
const flavours = new Set(["VOLUME", "THUMBNAIL"]);
const metadata = images.filter((image) => flavours.has(image.ImageType[2]));
const { VolumeImageViewer } = dicomMicroscopyViewer.viewer;
const viewer = new VolumeImageViewer({ client, metadata, controls: [] });
viewer.render({ container: "viewport" });
</script>"""


def test_dicom_microscopy_viewer_shows_the_slide(
    webgl: Browser, place: Place, artefacts: Path
) -> None:
    one = place.series["SM"]
    names = {
        "studyInstanceUID": one.study.study_instance_uid,
        "seriesInstanceUID": one.described.series_instance_uid,
    }
    told = {"url": f"{place.address}/dicomweb", "token": place.token, "names": names}
    place.pages["/"] = MICROSCOPY_PAGE % json.dumps(told)
    with patient(webgl) as page:
        page.goto(place.microscopy)
        keep = artefacts / "dicom-microscopy-viewer.png"
        until_shown(page, "#viewport", whole_slide(place), keep)


OHIF_CONFIG = """
const root = %s;
// As docs/dicomweb.md has it: OHIF knows every photograph but this kind.
const dermoscopy = {
  id: "dermoscopy",
  onModeEnter({ extensionManager }) {
    const stack = "@ohif/extension-default.sopClassHandlerModule.stack";
    extensionManager.getModuleEntry(stack).sopClassUids.push("1.2.840.10008.5.1.4.1.1.77.1.7");
  },
};
window.config = {
  routerBasename: null,
  extensions: [dermoscopy],
  modes: [],
  showStudyList: true,
  maxNumberOfWebWorkers: 2,
  investigationalUseDialog: { option: "never" },
  disableConfirmationPrompts: true,
  defaultDataSourceName: "dicomweb",
  dataSources: [{
    namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
    sourceName: "dicomweb",
    configuration: {
      friendlyName: "Sans Verre", name: "sansverre",
      qidoRoot: root, wadoRoot: root, wadoUriRoot: root,
      qidoSupportsIncludeField: true, supportsFuzzyMatching: true, supportsWildcard: true,
      imageRendering: "wadors", thumbnailRendering: "wadors",
      enableStudyLazyLoad: true, bulkDataURI: { enabled: true },
    },
  }],
};
"""


def open_ohif(page: Page, place: Place, mode: str, modality: str) -> None:
    study = place.series[modality].study.study_instance_uid
    # It greets newcomers with a tour, in front of everything.
    page.add_init_script("localStorage.setItem('shownTours', '[\"basicViewerTour\"]')")
    page.goto(f"{place.ohif}/{mode}?StudyInstanceUIDs={study}&token={place.token}")


# Its microscopy is dicom-microscopy-viewer, within much else that takes long to load.
@pytest.mark.soak
def test_ohif_shows_the_slide(webgl: Browser, place: Place, artefacts: Path) -> None:
    with patient(webgl) as page:
        open_ohif(page, place, "microscopy", "SM")
        until_shown(
            page, ".DicomMicroscopyViewer", whole_slide(place), artefacts / "ohif-slide.png"
        )


def test_ohif_shows_the_dermoscopy(webgl: Browser, place: Place, artefacts: Path) -> None:
    with Image.open(place.photo) as photo:
        expected = photo.convert("RGB")
    with patient(webgl) as page:
        open_ohif(page, place, "viewer", "DMS")
        until_shown(page, ".cornerstone-canvas", expected, artefacts / "ohif-dermoscopy.png")
