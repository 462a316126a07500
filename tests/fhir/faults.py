"""What goes wrong between a service and a FHIR server, each as bytes on a real socket."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fhir.bodies import Body, bundle, condition, order, outcome

Fault = Callable[[socket.socket, threading.Event], None]
"""Writes an answer to the socket, or fails to; the event ends what would never end."""

MEGABYTE = 1 << 20


class RawServer:
    """Accepts connections; what is asked below one of ``kinds`` meets the fault, all else finds nothing."""

    def __init__(
        self, fault: Fault, kinds: tuple[str, ...], context: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.fault = fault
        self.kinds = kinds
        self.asked: list[str] = []
        self.ended = threading.Event()
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", port), backlog=512)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def base(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listening.getsockname()[1]}/fhir"

    def close(self) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # the client may hang up at any point: it has had enough of the fault
        with connection, suppress(OSError):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (received := connection.recv(65536)):
                return
            head += received
        path = head.split(b" ", 2)[1].decode()
        self.asked.append(path)
        if any(f"/{kind}" in path for kind in self.kinds):
            self.fault(connection, self.ended)
        else:
            connection.sendall(http(json.dumps(nothing(path)).encode()))


def nothing(path: str) -> Body:
    """The patient, or an empty list."""
    if "/Patient/" in path:
        return {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1980-02-01"}
    return bundle(total=0)


@contextmanager
def serving(
    fault: Fault, *kinds: str, context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[RawServer]:
    server = RawServer(fault, kinds, context, port)
    try:
        yield server
    finally:
        server.close()


def http(body: bytes, status: int = 200, **headers: str) -> bytes:
    """A complete answer."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    given = {"Content-Type": "application/fhir+json", "Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def sending(answer: bytes | Callable[[], bytes]) -> Fault:
    """Sends the bytes, which are made when they are needed."""

    def send(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(answer if isinstance(answer, bytes) else answer())

    return send


def body(value: Any) -> Fault:
    return sending(lambda: http(json.dumps(value).encode()))


def status(code: int, **headers: str) -> Fault:
    return sending(http(json.dumps(outcome("error")).encode(), code, **headers))


def bomb() -> bytes:
    """A gigabyte of spaces in a megabyte of gzip."""
    return http(gzip.compress(b" " * MEGABYTE) * 1024, Content_Encoding="gzip")


def _a_byte_a_second(connection: socket.socket, ended: threading.Event) -> None:
    for byte in http(json.dumps(bundle(opioid())).encode()):
        connection.sendall(bytes([byte]))
        if ended.wait(1):
            return


def _hanging_headers(connection: socket.socket, ended: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: applic")
    ended.wait(30)


def _body_by_drops(connection: socket.socket, ended: threading.Event) -> None:
    """Always a byte before the socket's time-out, so that only the deadline ends it."""
    answer = http(json.dumps(bundle(opioid())).encode())
    connection.sendall(answer[:200])
    for byte in answer[200:]:
        if ended.wait(0.02):
            return
        connection.sendall(bytes([byte]))


def _pages_without_end() -> Fault:
    numbers = count(1)

    def page() -> bytes:
        number = next(numbers)
        return http(json.dumps(bundle(opioid(f"m{number}"), next_link=f"?page={number}")).encode())

    return sending(page)


def opioid(identity: str = "m1", **elements: Any) -> Body:
    return order(identity, authoredOn="2026-11-10", **elements)


def nested(depth: int) -> bytes:
    """An order with an extension in an extension in an extension …"""
    deep = b'{"extension":[' * depth + b"]}" * depth
    entry = json.dumps(opioid(extension=["HERE"])).encode().replace(b'"HERE"', deep)
    return http(b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":' + entry + b"}]}")


def not_a_number() -> bytes:
    text = json.dumps(bundle(opioid(dosageInstruction=[{"maxDosePerLifetime": {"value": "HERE"}}])))
    return http(text.replace('"HERE"', "NaN").encode())


FAULTS: dict[str, Fault] = {
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "410": status(410),
    "429 with Retry-After": status(429, Retry_After="30"),
    "500": status(500),
    "503": status(503, Retry_After="1"),
    "HTML instead of JSON": sending(http(b"<html><title>Sign in</title></html>", Content_Type="text/html")),
    "truncated body": sending(lambda: http(json.dumps(bundle(opioid())).encode(), Content_Length="9999")),
    "truncated JSON": sending(lambda: http(json.dumps(bundle(opioid())).encode()[:-40])),
    "gzip bomb": sending(bomb),
    "200 with OperationOutcome": body(outcome("error")),
    "Bundle with 10,000 entries": body(bundle(*(opioid(f"m{number}") for number in range(10_000)))),
    "a byte a second": _a_byte_a_second,
    "a body by drops": _body_by_drops,
    "hanging headers": _hanging_headers,
    "hangs up without an answer": lambda connection, ended: None,
    "wrong patient's data": body(bundle(opioid(subject={"reference": "Patient/p2"}))),
    "wrong resource type": body(bundle(condition())),
    "duplicate entries": body(bundle(opioid(), opioid(), opioid())),
    "NaN or Infinity": sending(not_a_number),
    "deep nesting": sending(lambda: nested(200_000)),
    "50 MB body": sending(lambda: http(b" " * (50 * MEGABYTE))),
    "redirect to another origin": sending(http(b"", 302, Location="https://elsewhere.example/fhir")),
    "redirects without end": sending(http(b"", 302, Location="/fhir/MedicationRequest")),
    "next link to another origin": body(bundle(opioid(), next_link="https://elsewhere.example/fhir?page=2")),
    "pages in a circle": body(bundle(opioid(), next_link="/fhir/MedicationRequest?page=2")),
    "pages without end": _pages_without_end(),
}
"""Faults of a server that is reached; the others are made by the tests themselves."""


def certificate(folder: Path, host: str = "localhost") -> ssl.SSLContext:
    """A server's TLS context with a certificate that nobody has signed; ``self-signed.pem`` holds it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now, day = datetime.now(UTC), timedelta(days=1)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "self-signed.pem"
    file.write_bytes(key.private_bytes(pem, *plain) + built.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
