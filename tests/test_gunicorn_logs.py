"""The log of the server that the image starts, whatever it is sent: JSON lines that quote nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.scenarios import load
from tests.servers import ROOT, answering, free_port, ldn_cds

SIGN = "/cds-services/ldn-order-sign"
PLANTED = "planted-name-7"
ORDER = json.dumps(load("oxycodone-active").request("order-sign", datetime.now(UTC))).encode()
SENT = {
    "an order with a name in its query": (
        f"POST {SIGN}?patient={PLANTED} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(ORDER)}\r\nConnection: close\r\n\r\n"
    ).encode()
    + ORDER,
    "an unknown address": (
        f"GET /{PLANTED}?name={PLANTED} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ).encode(),
    "a request line that is none": f"GET /{PLANTED} {PLANTED} HTTP/9.9\r\n\r\n".encode(),
    "a header that is none": f"GET / HTTP/1.1\r\nX {PLANTED}: {PLANTED}\r\n\r\n".encode(),
    "a method that is none": f"G,T /{PLANTED} HTTP/1.1\r\n\r\n".encode(),
    "a line break in a request id": (
        f"GET /{PLANTED} HTTP/1.1\r\nHost: x\r\nX-Request-Id: a%0a{PLANTED}\r\nConnection: close\r\n\r\n"
    ).encode(),
    "an end in the middle": f"POST {SIGN}?name={PLANTED} HTTP/1.1\r\nHost: x\r\nContent-Le".encode(),
}


def log_of(folder: Path, sent: dict[str, bytes], *options: str) -> str:
    """All that a gunicorn writes, to both its streams, while it is started, asked and stopped."""
    port = free_port()
    environment = {
        "CDS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder}/test.sqlite3",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
    }
    command = [sys.executable, "-m", "gunicorn", "--threads=4", "--no-control-socket", *options]
    with answering([*command, f"--bind=127.0.0.1:{port}", "app:app"], port, folder, environment) as served:
        for request in sent.values():
            _exchange(port, request)
    return served.log.read_text("utf-8")


def _exchange(port: int, request: bytes) -> None:
    """Send bytes, end the stream, read to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_ldn_cds_serve_quotes_nothing(tmp_path: Path) -> None:
    with ldn_cds(tmp_path, {"LOG_LEVEL": "DEBUG"}) as served:
        for request in SENT.values():
            _exchange(served.port, request)
    _says_nothing_of_what_was_sent(served.log.read_text("utf-8"))


def test_nothing_sent_is_quoted(tmp_path: Path) -> None:
    options = ("--logger-class=cds_service.gunicorn_log.Log", "--log-level=debug", "--access-logfile=-")
    _says_nothing_of_what_was_sent(log_of(tmp_path, SENT, *options))


def _says_nothing_of_what_was_sent(written: str) -> None:
    lines = [json.loads(line) for line in written.splitlines()]  # every line is JSON
    assert PLANTED not in written
    assert load("oxycodone-active").patient_id not in written
    answered = [line for line in lines if line["message"] == "answered" and line["endpoint"] != "live"]
    assert [line["status"] for line in answered][:2] == [200, 404]
    by_whom = ("gunicorn.error", "cds_service.gunicorn_worker")
    refused = [line for line in lines if line["logger"] in by_whom and line["level"] == "WARNING"]
    assert len(refused) >= 3  # they are told, if not what they said
    assert any("Listening at" in line["message"] for line in lines)


def test_workers_keep_quiet_without_the_option_too(tmp_path: Path) -> None:
    assert PLANTED not in log_of(tmp_path, SENT)


@pytest.mark.parametrize("options", [(), ("--logger-class=cds_service.gunicorn_log.Log",)])
def test_a_setting_that_does_not_fit_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = _start_wrongly(options, {"SITE_FILE": str(tmp_path / "none.toml")})
    assert done.returncode not in (0, None)
    assert "none.toml" in done.stderr


def _start_wrongly(options: tuple[str, ...], environment: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", f"--bind=127.0.0.1:{free_port()}"]
    return subprocess.run(
        [*command, *options, "app:app"],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
