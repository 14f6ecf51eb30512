"""The viewer's built files, read once: a page without data, and its hashed parts."""

import mimetypes
from pathlib import Path

from api.answer import Answer, page

BUILT = Path(__file__).parent / "viewer"
"""Where `web/` is built to, in a source checkout and in an installed package."""

TYPES = {".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}

MISSING = page(
    503,
    "<h1>La visionneuse n’est pas construite</h1><p>Lancez <code>make setup</code>, "
    "puis redémarrez le serveur.</p>",
    "<h1>The viewer is not built</h1><p>Run <code>make setup</code>, "
    "then start the server again.</p>",
)


def read_viewer(folder: Path = BUILT) -> dict[str, Answer]:
    """Every built file by its address (`/` is the page); empty where nothing is built.

    Read into memory at the start: no path of a request ever reaches the file system.
    """
    if not (folder / "index.html").is_file():
        return {}
    files = {
        f"/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".map"
    }
    answers = {address: _answer(address, path) for address, path in files.items()}
    answers["/"] = answers.pop("/index.html")
    return answers


def _answer(address: str, path: Path) -> Answer:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    kind = TYPES.get(path.suffix, guessed)
    if kind == "text/html":
        kind += "; charset=utf-8"
    # The names under /assets/ change with their content.
    hashed = address.startswith("/assets/")
    keep = "public, max-age=31536000, immutable" if hashed else "no-cache"
    return Answer(200, path.read_bytes(), {"content-type": kind, "cache-control": keep})
