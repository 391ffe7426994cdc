"""A real HTTP server on loopback that serves a few files, well or badly."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Optional


@dataclass
class FileServer:
    """What is served, how, and what was asked for.

    Attributes:
        files: content by path.
        ranges: whether ranges are honoured; otherwise the whole file is sent.
        cut: bytes after which an answer breaks off; None sends all of it.
        shift: bytes that a range starts too late.
        lengths: whether an answer says how long it is.
        sent: (path, bytes sent) of each answer with a file.
    """

    files: dict[str, bytes]
    ranges: bool = True
    cut: Optional[int] = None
    shift: int = 0
    lengths: bool = True
    sent: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        content = self.files.get(handler.path)
        if content is None:
            handler.send_error(404)
            return
        asked = handler.headers.get("Range") if self.ranges else None
        start = int(asked[len("bytes=") : -1]) + self.shift if asked else 0
        if asked and start >= len(content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.end_headers()
            return
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.lengths:
            handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        body = content[start:][: self.cut]
        handler.wfile.write(body)
        self.sent.append((handler.path, len(body)))


@contextlib.contextmanager
def serving(files: dict[str, bytes], **behaviour) -> Iterator[FileServer]:
    """Serve files on a free port of 127.0.0.1; ``address`` has no slash at its end."""
    server = FileServer(files, **behaviour)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.address = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
