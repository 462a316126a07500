"""``ldn-cds serve``: the service under the server it was measured with."""

from __future__ import annotations

import socket

import click

from cds_service.cli.configured import configured
from cds_service.cli.terminal import MISUSED, fail
from cds_service.server import serve as run
from cds_service.server import usable_cpus


@click.command()
@click.option("--host", help="Address to listen on; in development 127.0.0.1, else 0.0.0.0.")
@click.option("--port", envvar="PORT", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option(
    "--workers",
    envvar="WEB_CONCURRENCY",
    type=click.IntRange(min=1),
    help="Processes; by default one for each CPU this machine or container may use, at least two.",
)
def serve(host: str | None, port: int, workers: int | None) -> None:
    """Answer calls until told to stop.

    SIGTERM stops when the calls at hand are answered; SIGHUP starts anew in the same way, with settings
    and files as they are then.
    """
    settings = configured()
    host = host or ("127.0.0.1" if settings.development else "0.0.0.0")
    _check_address(host, port)
    run(settings, host, port, workers or max(2, usable_cpus()))


def _check_address(host: str, port: int) -> None:
    """gunicorn would try for five seconds, and the log does not quote what it then says."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        told = str(error.strerror).partition(" (while")[0]  # Python adds the address
        fail(f"cannot listen on {host}, port {port}: {told}", MISUSED)
