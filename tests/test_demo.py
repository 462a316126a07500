"""What ``make run`` starts: the exchange in the terminal, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import free_port


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_exchange_is_shown_and_whatever_ends_it_ends_the_service(
    tmp_path: Path, ending: signal.Signals
) -> None:
    port = free_port()
    settings = {"PORT": str(port), "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3"}
    demo = subprocess.Popen(
        [sys.executable, "-m", "cds_service.demo"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stdout is not None
        shown = []
        for line in demo.stdout:
            shown.append(line)
            if line.startswith("Serving on"):
                break
        demo.send_signal(ending)
        try:
            assert demo.wait(60) == 0
        finally:
            demo.kill()
    assert any(line.startswith("200: ") for line in shown)
    assert any("Oxycodone is listed as active" in line for line in shown)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
