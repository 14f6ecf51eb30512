"""Another site on this machine, with a viewer's files and pages of ours."""

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

KINDS = {".js": "text/javascript", ".wasm": "application/wasm", "": "text/html"}


@contextmanager
def site(folders: Mapping[str, Path], pages: dict[str, str]) -> Iterator[str]:
    """Its address. `folders` lie below their addresses; `pages` may be added to as it runs.

    An address without a file is that of the page at "/", as applications of one page are served.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            data, kind = found(path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    def found(path: str) -> tuple[bytes, str]:
        suffix = Path(path).suffix
        if path in pages:
            return pages[path].encode(), KINDS.get(suffix, "text/html")
        for below, folder in folders.items():
            file = folder / path.removeprefix(below)
            if path.startswith(below) and file.is_file():
                kind = KINDS.get(suffix) or mimetypes.guess_type(path)[0]
                return file.read_bytes(), kind or "application/octet-stream"
        return pages["/"].encode(), "text/html"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
