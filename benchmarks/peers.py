"""The same requests to another service that runs already: ``python -m benchmarks.peers NAME=PID=URL ...``

CPU time per request of the processes at and below PID, as :mod:`benchmarks.answers` measures it; the peers
take turns. They are not started here, and none of their code is kept here: how they were run stands in
``benchmarks/results/README.md``, the figures in ``benchmarks/results/peers.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.answers import RESULTS, machine, send, write_bodies
from benchmarks.bodies import SIZES
from benchmarks.processes import Server

Json = dict[str, Any]

_REQUESTS = {10: 300, 50: 100, 200: 40, 1000: 16}


def measure(server: Server, folder: Path, size: int) -> float | None:
    """Ms of CPU per request; None when the service does not take the requests."""
    before, requests = server.cpu(), _REQUESTS[size]
    told = send(server.url, folder / f"cards-{size}", requests)
    return (server.cpu() - before) / requests * 1000 if told["answers"] == {"200": requests} else None


def measure_all(peers: dict[str, Server], folder: Path, rounds: int) -> Json:
    """For each peer and size the median of the rounds; the first round is not counted."""
    found: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in peers}
    for number in range(rounds + 1):
        for size in SIZES:
            for name, server in peers.items():
                spent = measure(server, folder, size)
                if number and spent is not None:
                    found[name][size].append(spent)
    return {
        name: {
            str(size): round(statistics.median(spent), 2) if spent else None for size, spent in sizes.items()
        }
        for name, sizes in found.items()
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", nargs="+", metavar="NAME=PID=URL")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="write the figures, to be committed")
    given = parser.parse_args()
    peers = {}
    for peer in given.peers:
        name, pid, url = peer.split("=", 2)
        peers[name] = Server(int(pid), url, 0.0)
    with tempfile.TemporaryDirectory(prefix="ldn-cds-peers-") as folder:
        write_bodies(Path(folder))
        figures = measure_all(peers, Path(folder), given.rounds)
    print(f"{'ms of CPU per request':32}" + "".join(f"{size:>10}" for size in SIZES))
    for name, sizes in figures.items():
        print(f"{name:32}" + "".join(f"{sizes[str(size)] or 'refused':>10}" for size in SIZES))
    if given.keep:
        told = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "cpu_ms": figures,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "peers.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
