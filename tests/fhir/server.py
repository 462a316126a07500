"""A FHIR server that answers what a test tells it to, over real sockets."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Answer:
    """One answer: bytes are sent as they are, anything else as JSON; ``drip`` sends byte by byte."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drip: bool = False


Route = Answer | Callable[[str], Answer]


class FhirServer:
    """Answers by path: the longest route that the request's path and query begin with.

    :param context: makes it speak TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.peers: list[object] = []
        self.ended = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.port = int(self._http.server_address[1])
        self._scheme = "https" if context else "http"
        if context:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir"

    def kinds_asked(self) -> list[str]:
        """The path of each request, below the base, without its query."""
        return [urlsplit(path).path.removeprefix("/fhir/") for path in self.asked]

    def answer(self, path: str) -> Answer:
        fitting = [route for route in self.routes if path.removeprefix("/fhir/").startswith(route)]
        if not fitting:
            return Answer({"resourceType": "Bundle", "type": "searchset", "total": 0})
        route = self.routes[max(fitting, key=len)]
        return route if isinstance(route, Answer) else route(path)

    def close(self) -> None:
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: FhirServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(self.path)
            server.asked.append(path)
            server.headers.append(dict(self.headers))
            server.peers.append(self.client_address)
            answer = server.answer(path)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            if answer.hang:
                server.ended.wait(10)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self._send(body, drip=answer.drip)

        def _send(self, body: bytes, *, drip: bool) -> None:
            if not drip:
                self.wfile.write(body)
                return
            self.close_connection = True
            for index in range(len(body)):
                if server.ended.wait(0.02):
                    return
                try:
                    self.wfile.write(body[index : index + 1])
                except OSError:
                    return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
