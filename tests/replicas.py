"""Two replicas of the real server behind the real nginx, on one PostgreSQL and one Redis."""

from __future__ import annotations

import json
import os
import string
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.cds_hooks.authentication.signing import ISS, claims, ec_key, header, key_set, sign
from tests.conftest import find_program
from tests.servers import ROOT, Served, free_port, ldn_cds, postgresql_server, redis_server, running

PUBLIC_URL = "https://cds.example.org"
_MAIN = """
daemon off;
worker_processes 1;
${user}
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    include ${folder}/ldn-cds.conf;
}
"""


@dataclass(frozen=True)
class Replicas:
    """``front`` is the address of nginx; each of ``served`` can be asked by itself too."""

    front: str
    served: tuple[Served, ...]
    database_url: str
    redis_url: str

    def call(
        self, path: str, body: Any, *, to: str | None = None, token: str | None = None
    ) -> requests.Response:
        """POST as the registered client, with a new token unless one is given, to nginx or to one replica."""
        headers = {"Authorization": f"Bearer {token or new_token(path)}"}
        return requests.post((to or self.front) + path, json=body, headers=headers, timeout=30)


def new_token(path: str, **changes: Any) -> str:
    """A token that is good once, for ``path`` of the service as the outside sees it."""
    now = int(datetime.now(UTC).timestamp())
    told = {"aud": PUBLIC_URL + path, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4()), **changes}
    return sign(claims(**told), header())


@contextmanager
def replicas(
    folder: Path, environment: Mapping[str, str] | None = None, *, registration: str = "", number: int = 2
) -> Iterator[Replicas]:
    """In production mode, with one registered client, ``a``.

    :param environment: further settings of each replica.
    :param registration: further lines of the client's registration.
    """
    (folder / "keys.json").write_text(json.dumps(key_set(ec_key())))
    (folder / "clients.toml").write_text(
        f'[clients.a]\niss = "{ISS}"\njwks_file = "keys.json"\n{registration}'
    )
    with ExitStack() as stack:
        database_url = stack.enter_context(postgresql_server())
        redis_url = stack.enter_context(redis_server(folder))
        settings = {
            "CDS_ENVIRONMENT": "production",
            "ALLOW_UNREVIEWED": "true",
            "PUBLIC_URL": PUBLIC_URL,
            "CLIENTS_FILE": str(folder / "clients.toml"),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            **(environment or {}),
        }
        served = []
        for replica in range(number):
            own = folder / f"replica-{replica}"
            own.mkdir()
            places = {"AUDIT_DIR": str(own / "audit"), "JOURNAL_DIR": str(own / "journal")}
            served.append(stack.enter_context(ldn_cds(own, {**settings, **places})))
        front = stack.enter_context(nginx(folder, [replica.port for replica in served]))
        yield Replicas(front, tuple(served), database_url, redis_url)


def shipped_server() -> str:
    """nginx's statement about one replica, as compose.yaml ships it."""
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
    return str(compose["services"]["nginx"]["environment"]["UPSTREAM_SERVERS"])


@contextmanager
def nginx(folder: Path, ports: list[int], answer_within: str = "10s") -> Iterator[str]:
    """The address of nginx with the configuration that deploy/ ships, before servers on ``ports``.

    :param answer_within: so long a replica may take.
    """
    program, port = find_program("nginx"), free_port()
    assert program
    own = folder / "nginx"
    own.mkdir()
    shipped = string.Template((ROOT / "deploy/nginx/ldn-cds.conf.template").read_text("utf-8"))
    servers = " ".join(shipped_server().replace("ldn-cds:8000", f"127.0.0.1:{each}") for each in ports)
    configured = shipped.safe_substitute(LISTEN=f"127.0.0.1:{port}", UPSTREAM_SERVERS=servers)
    configured = configured.replace("/dev/stdout", f"{own}/access.log")
    configured = configured.replace("proxy_read_timeout 10s", f"proxy_read_timeout {answer_within}")
    (own / "ldn-cds.conf").write_text(configured)
    user = "user root;" if os.geteuid() == 0 else ""
    (own / "nginx.conf").write_text(string.Template(_MAIN).substitute(folder=own, user=user))
    command = [program, "-p", str(own), "-c", str(own / "nginx.conf"), "-e", str(own / "error.log")]
    with running(command, port, own):
        yield f"http://127.0.0.1:{port}"
