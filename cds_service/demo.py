"""``make run``: the service on 127.0.0.1, and one real exchange shown in the terminal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import requests

from cds_service.cli.terminal import readable
from cds_service.scenarios import load

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_LOOK_EVERY = 0.2
"""Seconds. A signal that comes just before a wait without an end is noticed when that ends, if ever."""


def main() -> None:
    """Start, show the exchange, serve until interrupted."""
    # a stopped container, a closed terminal: as Ctrl+C, which a shell has its background jobs ignore
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    port = _port(int(os.environ.get("PORT", "8000")))
    address = f"http://{HOST}:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "cds_service.cli", "serve", f"--host={HOST}", f"--port={port}"],
        # the exchange is what the terminal is for
        env={"CDS_ENVIRONMENT": "development", "LOG_LEVEL": "WARNING", **os.environ},
    )
    try:
        _wait_for(address, server)
        _show_exchange(address)
        print(
            f"\nServing on {address}   pages: {address}/   discovery: {address}/cds-services   stop: Ctrl+C",
            flush=True,
        )
        while server.poll() is None:
            time.sleep(_LOOK_EVERY)
        sys.exit(server.returncode)
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.terminate()
        server.wait()


def _port(wanted: int) -> int:
    """``wanted``, or a free one when it is taken."""
    for port in (wanted, 0):
        try:
            with socket.create_server((HOST, port)) as found:
                return int(found.getsockname()[1])
        except OSError:
            print(f"Port {port} is in use; taking a free one.", file=sys.stderr)
    sys.exit("No port is free.")


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            requests.get(f"{address}/health/live", timeout=_START_SECONDS)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    sys.exit("The service did not start.")


def _show_exchange(address: str) -> None:
    request = load("oxycodone-active").request("medication-prescribe", datetime.now(UTC))
    url = f"{address}/cds-services/ldn-medication-prescribe"
    print(f"POST {url}")
    for line in _ordered(request):
        print(f"  {line}")
    answer = requests.post(url, json=request, timeout=10)
    cards = answer.json()["cards"]
    print(f"\n{answer.status_code}: {len(cards)} card{'s' if len(cards) != 1 else ''}")
    for card in cards:
        print("\n".join(readable(card)))


def _ordered(request: dict[str, Any]) -> list[str]:
    """What is ordered, and which medications the record lists."""
    orders = [entry["resource"] for entry in request["context"]["medications"]["entry"]]
    listed = [
        entry["resource"]
        for key in ("medicationRequests", "medicationStatements")
        for entry in (request["prefetch"].get(key) or {}).get("entry", [])
    ]
    return [f"orders  {_name(order)}" for order in orders] + [f"takes   {_name(item)}" for item in listed]


def _name(resource: dict[str, Any]) -> str:
    concept = resource.get("medicationCodeableConcept") or {}
    return str(
        concept.get("text") or (concept.get("coding") or [{}])[0].get("display") or resource["resourceType"]
    )


if __name__ == "__main__":
    main()
