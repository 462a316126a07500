"""The registry of clients: what may stand in it, and how a change takes effect."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cds_service.cds_hooks.authentication import Client, Clients, ClientsFile, read_clients
from tests.cds_hooks.authentication.signing import ec_key, key_set

PLAIN = """
[clients.general]
iss = "https://ehr.example.org/fhir"
jwks_url = "https://ehr.example.org/jwks.json"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "clients.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_client_needs_no_more_than_an_issuer_and_its_keys(tmp_path: Path) -> None:
    (client,) = read_clients(written(tmp_path, PLAIN))
    assert client == Client(
        id="general", iss="https://ehr.example.org/fhir", jwks_url="https://ehr.example.org/jwks.json"
    )
    assert client.algorithms == ("ES384", "RS384")
    assert client.key_urls == {"https://ehr.example.org/jwks.json"}


def test_everything_can_be_said_of_a_client(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    text = """
[clients.general-1]
iss = "https://ehr.example.org/fhir"
jwks_file = "keys.json"
jku = ["https://ehr.example.org/other.json"]
tenants = ["north", "south"]
algorithms = ["ES256", "PS384"]
audience = ["ldn-cds"]
audience_slash = true
fhir_servers = ["https://ehr.example.org/fhir"]
private_networks = ["10.1.0.0/16", "fd00::/8"]
time_budget_ms = 300
fetch_kinds = ["MedicationDispense"]
dialect = "epic"
cors_origins = ["https://ehr.example.org:8443"]
rate_limit = 600

[clients.general-1.prefetch_keys]
meds = "MedicationRequest"
"""
    (client,) = read_clients(written(tmp_path, text))
    assert client.jwks == key_set(ec_key())
    assert client.tenants == ("north", "south")
    assert client.prefetch_keys == {"meds": "MedicationRequest"}
    assert client.key_urls == {"https://ehr.example.org/other.json"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("iss = ''", "iss: empty"),
        ("jwks_url = 'http://ehr.example.org/jwks.json'", "is no https URL"),
        ("jwks_url = 'https://me@ehr.example.org/jwks.json'", "is no https URL"),
        ("jwks_url = 'https://ehr.example.org:99999/jwks.json'", "is no https URL"),
        ("jwks_url = 'file:///etc/passwd'", "is no https URL"),
        ("jku = ['https://ehr.example.org/a#b']", "jku: "),
        ("jwks_file = 'keys.json'", "name either jwks_url or jwks_file"),
        ("fhir_servers = ['https://ehr.example.org/fhir?x=1']", "fhir_servers: "),
        ("algorithms = []", "algorithms: empty"),
        ("algorithms = ['none']", "Invalid enum value 'none'"),
        ("algorithms = ['HS256']", "Invalid enum value 'HS256'"),
        ("algorithms = 'ES384'", "Expected `array`"),
        ("cors_origins = ['*']", "cors_origins: '*' is no origin"),
        ("cors_origins = ['https://ehr.example.org/']", "is no origin"),
        ("private_networks = ['10.0.0.1/8']", "private_networks: '10.0.0.1/8' is no network"),
        ("rate_limit = 0", "rate_limit: at least 1"),
        ("time_budget_ms = -1", "time_budget_ms: at least 1"),
        ("dialect = 'cerner'", "Invalid enum value 'cerner'"),
        ("secret = 'x'", "unknown field `secret`"),
        ("id = 'x'", "id and jwks are not written here"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, change: str, said: str) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    name = change.split(" ", 1)[0]
    kept = [line for line in PLAIN.strip().splitlines() if not line.startswith(f"{name} ")]
    with pytest.raises(ValueError, match=r"clients\.toml: clients\.general") as error:
        read_clients(written(tmp_path, "\n".join([*kept, change])))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[clients", "clients.toml: "),
        ("clients = 7", "write [clients.<id>] tables"),
        ("clients.a = 7", "clients.a: Expected `object`"),
        ("[client.a]\niss = 'x'", "client: not known here"),
        ("[clients.'Ä']\niss = 'x'\njwks_url = 'https://a.example.org'", "id: use lower-case letters"),
        ("[clients.a]\niss = 'x'", "name either jwks_url or jwks_file"),
        ("[clients.a]\niss = 'x'\njwks_file = 'none.json'", "clients.a: [Errno 2]"),
        ("[clients.a]\niss = 'x'\njwks_file = 'clients.toml'", "clients.a: JSON is malformed"),
    ],
)
def test_a_registry_that_cannot_be_read_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        read_clients(written(tmp_path, text))
    assert said in str(error.value)


def test_every_defect_is_said_at_once(tmp_path: Path) -> None:
    text = PLAIN + "rate_limit = 0\n" + PLAIN.replace("general", "Second").replace("https", "ftp")
    with pytest.raises(ValueError) as error:
        read_clients(written(tmp_path, text))
    assert str(error.value).count(";") == 2


def test_http_is_for_development(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN.replace("https", "http"))
    assert len(read_clients(path, development=True)) == 1


# --- one issuer, several tenants ------------------------------------------------


def test_of_one_issuer_the_tenant_tells_which_client(tmp_path: Path) -> None:
    text = "".join(
        PLAIN.replace("general", name) + f"tenants = {tenants}\n"
        for name, tenants in [("north", ["n1", "n2"]), ("south", ["s1"])]
    )
    clients = read_clients(written(tmp_path, text + PLAIN.replace("general", "rest")))
    iss = "https://ehr.example.org/fhir"
    found = {tenant: clients.claimed(iss, tenant) for tenant in ("n2", "s1", "x", None)}
    assert {tenant: client and client.id for tenant, client in found.items()} == {
        "n2": "north", "s1": "south", "x": "rest", None: "rest",
    }  # fmt: skip


@pytest.mark.parametrize("tenants", ["", 'tenants = ["n1", "n2"]\n'])
def test_two_clients_that_cannot_be_told_apart_are_refused(tmp_path: Path, tenants: str) -> None:
    text = PLAIN + tenants + PLAIN.replace("general", "second") + tenants
    with pytest.raises(ValueError, match="clients.second.iss: the same as that of general"):
        read_clients(written(tmp_path, text))


def test_any_client_may_bring_its_origin() -> None:
    client = Client(
        id="a", iss="i", jwks_url="https://a.example.org", cors_origins=("https://a.example.org",)
    )
    clients = Clients([client])
    assert clients.allow_origin("https://a.example.org")
    assert not clients.allow_origin("https://b.example.org")


# --- reload ---------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_change_takes_effect_without_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    registry = ClientsFile(written(tmp_path, PLAIN), now=clock)
    written(tmp_path, PLAIN + PLAIN.replace("general", "second").replace("//ehr", "//ehr2"))
    assert len(registry.current()) == 1  # the disk is looked at once a second
    clock.seconds += 1
    assert [client.id for client in registry.current()] == ["general", "second"]
    written(tmp_path, PLAIN)
    clock.seconds += 1
    assert len(registry.current()) == 1


def test_changed_keys_on_disk_take_effect_too(tmp_path: Path) -> None:
    clock = Clock()
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(key_set(ec_key())))
    text = "[clients.a]\niss = 'i'\njwks_file = 'keys.json'"
    registry = ClientsFile(written(tmp_path, text), now=clock)
    keys.write_text(json.dumps(key_set(ec_key(), ec_key("k2"))))
    clock.seconds += 1
    (client,) = registry.current()
    assert client.jwks == key_set(ec_key(), ec_key("k2"))


@pytest.mark.parametrize("broken", ["[clients", PLAIN + "rate_limit = 0", None])
def test_a_broken_change_leaves_the_clients_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    clock = Clock()
    path = written(tmp_path, PLAIN)
    registry = ClientsFile(path, now=clock)
    if broken is None:
        path.unlink()
    else:
        written(tmp_path, broken)
    for _ in range(3):
        clock.seconds += 1
        with caplog.at_level(logging.ERROR):
            assert len(registry.current()) == 1
    assert caplog.text.count("client registry not taken over") == 1  # said once, not each second
    written(tmp_path, PLAIN.replace("general", "mended"))
    clock.seconds += 1
    assert [client.id for client in registry.current()] == ["mended"]


def test_a_service_does_not_start_on_a_broken_registry(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="clients.toml"):
        ClientsFile(written(tmp_path, "x = 1"))
