"""What people do on the page: they drop, choose, drag, and say whose it is."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, Request, Route

from tests.samples.slide import small_svs

SOON_MS = 300_000
"""For what a worker does on a machine that is busy with other tests."""
PART_BYTES = 8 << 20


def drop(page: Page, *files: Path) -> None:
    """Drop files on the page as a desktop does: nothing but the event knows of them."""
    contents = [[one.name, base64.b64encode(one.read_bytes()).decode()] for one in files]
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            const zone = document.querySelector(".drop");
            for (const name of ["dragenter", "dragover", "drop"])
                zone.dispatchEvent(new DragEvent(
                    name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        contents,
    )


def drag(page: Page, folder: Path) -> None:
    """Drag a folder from the desktop, as the browser is told of it by the system."""
    place = page.locator(".drop").bounding_box()
    assert place is not None
    session = page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver", "drop"):
        dragged = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        at = {"x": place["x"] + 150, "y": place["y"] + 60}
        session.send("Input.dispatchDragEvent", {"type": event, "data": dragged, **at})


def choose_folder(page: Page, folder: Path) -> None:
    page.set_input_files("[data-brings=folder]", folder)


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("[data-brings=files]", list(files))


def slowed(page: Page, bytes_per_s: int) -> CDPSession:
    """A network that takes so much, until the session is detached."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    limits["uploadThroughput"] = bytes_per_s
    session.send("Network.emulateNetworkConditions", limits)
    return session


def hold_second_part(page: Page) -> Callable[[], Route]:
    """Keep the second part of a file from being sent; gives what waits until it is due."""
    held: list[Route] = []

    def hold(route: Route, request: Request) -> None:
        is_second = request.headers.get("upload-offset") == str(PART_BYTES)
        if is_second and request.method == "PATCH" and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/uploads/*", hold)

    def wait() -> Route:
        while not held:
            page.wait_for_timeout(50)
        return held[0]

    return wait


def state_patient(page: Page, identifier: str, words: dict[str, str]) -> None:
    page.get_by_label(words["identifier"]).fill(identifier)
    page.get_by_label(words["family"], exact=True).fill("Essai")
    page.get_by_label(words["given"]).fill("Élodie")
    page.get_by_role("button", name=words["save"]).click()


def row(page: Page, name: str) -> Any:
    return page.locator(".arriving", has_text=name)


def own_slide(folder: Path, seed: int, padding: int = 0) -> Path:
    """A slide that nobody else has, as heavy as wanted."""
    path = small_svs(folder / f"slide-{seed}.svs", 700, 600, 256, seed=seed)
    with path.open("ab") as file:
        file.write(bytes(padding))
    return path


FRENCH = {
    "state": "Préciser le patient",
    "identifier": "Identifiant du patient",
    "family": "Nom",
    "given": "Prénom",
    "save": "Enregistrer",
    "open": "Ouvrir",
    "ready": "Prête",
}

ENGLISH = {
    "state": "State the patient",
    "identifier": "Patient identifier",
    "family": "Family name",
    "given": "Given name",
    "save": "Save",
    "open": "Open",
    "ready": "Ready",
}


def offsets(page: Page) -> list[int]:
    """Where each part that is sent from now on begins."""
    found: list[int] = []

    def sent(request: Request) -> None:
        if request.method == "PATCH":
            found.append(int(request.headers["upload-offset"]))

    page.on("request", sent)
    return found
