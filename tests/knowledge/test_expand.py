"""Value sets are fetched from a terminology server, page by page, into the site's folder."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.knowledge import condition_meanings, expand
from cds_service.knowledge.concepts import Meaning
from cds_service.knowledge.site_knowledge import add_site_knowledge, forget_site_knowledge
from tests.cli.running import run

CANONICAL = "http://example.org/ValueSet/pregnant"
OURS = "https://hospital.example/codes"
CODES = [{"system": OURS, "code": f"P{n}", "display": f"pregnant {n}"} for n in range(5)]


class Terminology(BaseHTTPRequestHandler):
    """Answers ValueSet/$expand as the server under test is told to."""

    def do_GET(self):
        asked = urlsplit(self.path)
        self.server.asked.append((asked.path, parse_qs(asked.query), self.headers.get("Authorization")))
        status, body = self.server.answer(parse_qs(asked.query))
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Terminology) as made:
        made.asked, made.answer = [], paged
        made.base = f"http://127.0.0.1:{made.server_port}/fhir"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()
    forget_site_knowledge()


def paged(query):
    offset, count = int(query["offset"][0]), int(query["count"][0])
    contains = CODES[offset : offset + count]
    expansion = {"timestamp": "2026-11-22", "total": len(CODES), "offset": offset, "contains": contains}
    return 200, {"resourceType": "ValueSet", "expansion": expansion}


def fetch(base, folder, kind="meaning-pregnant"):
    return run("expand", "--server", base, "--value-set", CANONICAL, "--as", kind, "--into", str(folder))


def test_the_file_is_read_by_the_service(server, tmp_path):
    assert "5 codes" in fetch(server.base, tmp_path / "site").output
    (path,) = (tmp_path / "site").iterdir()
    assert path.name == "meaning-pregnant.http-example-org-valueset-pregnant.valueset.json"
    assert add_site_knowledge(tmp_path / "site").added == 5
    assert condition_meanings([(OURS, "P4", None)]) == {Meaning.PREGNANT}


def test_every_page_is_asked_for(server):
    value_set = expand.expand(server.base + "/", CANONICAL, page=2)
    assert [c["code"] for c in value_set["expansion"]["contains"]] == ["P0", "P1", "P2", "P3", "P4"]
    assert [query["offset"] for _, query, _ in server.asked] == [["0"], ["2"], ["4"]]
    assert {path for path, _, _ in server.asked} == {"/fhir/ValueSet/$expand"}
    assert value_set["expansion"]["timestamp"] == "2026-11-22"


def test_a_server_that_does_not_page_is_asked_once(server):
    server.answer = lambda query: (200, {"resourceType": "ValueSet", "expansion": {"contains": CODES}})
    assert expand.expand(server.base, CANONICAL)["expansion"]["total"] == 5
    assert len(server.asked) == 1


def test_the_authorization_of_the_environment_is_sent(server, monkeypatch):
    monkeypatch.setenv("TERMINOLOGY_AUTHORIZATION", "Bearer secret")
    expand.expand(server.base, CANONICAL)
    assert server.asked[0][2] == "Bearer secret"


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "value set not found"}]}
HALF = {"total": 9, "offset": 0, "contains": CODES}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, OUTCOME), "404 value set not found"),
        ((200, OUTCOME), "value set not found"),
        ((200, {"resourceType": "ValueSet"}), "has no expansion"),
        ((200, {"resourceType": "ValueSet", "expansion": {"contains": {}}}), "contains is no list"),
        ((200, b"<html>"), "200, no JSON"),
    ],
)
def test_what_is_no_expansion_is_told(server, tmp_path, answer, said):
    server.answer = lambda query: answer
    result = fetch(server.base, tmp_path)
    assert result.exit_code == 1
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_half_an_expansion_is_none(server, tmp_path):
    def half(query):
        expansion = HALF if query["offset"] == ["0"] else {**HALF, "contains": []}
        return 200, {"resourceType": "ValueSet", "expansion": expansion}

    server.answer = half
    result = fetch(server.base, tmp_path)
    assert result.exit_code == 1
    assert "5 of 9 codes" in result.stderr


def test_a_server_that_never_ends_is_left(server, monkeypatch):
    monkeypatch.setattr(expand, "MOST_PAGES", 3)
    server.answer = lambda query: (200, {"resourceType": "ValueSet", "expansion": {**HALF, "total": 10**6}})
    with pytest.raises(expand.ExpansionError, match="more than 3 pages"):
        expand.expand(server.base, CANONICAL)


def test_no_server_is_told(tmp_path):
    result = fetch("http://127.0.0.1:9", tmp_path)
    assert result.exit_code == 3
    assert "127.0.0.1" in result.stderr


def test_an_unknown_kind_is_told_before_the_server_is_asked(server, tmp_path):
    result = fetch(server.base, tmp_path, kind="meaning-expecting")
    assert result.exit_code == 2
    assert "says no known thing" in result.stderr
    assert server.asked == []


def test_codes_of_the_wrong_system_are_not_written(server, tmp_path):
    assert fetch(server.base, tmp_path, kind="ingredient-oxycodone").exit_code == 0
    loinc = [{"system": "http://loinc.org", "code": "82810-3", "display": "x"}]
    server.answer = lambda query: (200, {"resourceType": "ValueSet", "expansion": {"contains": loinc}})
    result = fetch(server.base, tmp_path)
    assert result.exit_code == 1
    assert "loinc codes cannot be taught here" in result.stderr
    assert [path.name.split(".")[0] for path in tmp_path.iterdir()] == ["ingredient-oxycodone"]
