"""``make run``: the service on 127.0.0.1, and one real exchange shown in the terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import requests
from werkzeug.serving import BaseWSGIServer, make_server

from cds_service import create_app
from cds_service.cli.terminal import readable
from cds_service.scenarios import load

HOST = "127.0.0.1"


def main() -> None:
    """Start, show the exchange, serve until interrupted."""
    os.environ.setdefault("CDS_ENVIRONMENT", "development")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the exchange is what the terminal is for
    server = _server(int(os.environ.get("PORT", "8000")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://{HOST}:{server.server_port}"
    try:
        _show_exchange(address)
        print(
            f"\nServing on {address}   pages: {address}/   discovery: {address}/cds-services   stop: Ctrl+C",
            flush=True,
        )
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.shutdown()


def _server(port: int) -> BaseWSGIServer:
    """On ``port``, or on a free one when it is taken."""
    app = create_app()
    try:
        return make_server(HOST, port, app, threaded=True)
    except (OSError, SystemExit):
        print(f"Port {port} is in use; taking a free one.", file=sys.stderr)
        return make_server(HOST, 0, app, threaded=True)


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
