"""What is written about a call: one line in the log, one audit record, nothing of the patient."""

from __future__ import annotations

import json
import logging
import resource
import signal
import stat
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.audit import AuditTrail
from cds_service.database import folder_of
from cds_service.logs import our_handler
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.conftest import LeakWatch
from tests.servers import free_port

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SIGN = "/cds-services/ldn-order-sign"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{tmp_path}/test.sqlite3",
    )
    return create_app(settings, now=lambda: NOW).test_client()


def request(patient: str = "oxycodone-active") -> dict[str, Any]:
    return load(patient).request("order-sign", NOW)


def records(folder: Path) -> list[dict[str, Any]]:
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


# --- the log ----------------------------------------------------------------------


def test_an_answer_is_one_line(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.post(SIGN, json=request(), headers={"X-Request-Id": "r-1"})
    (line,) = [vars(record) for record in caplog.records if record.getMessage() == "answered"]
    assert (line["request_id"], line["client"], line["service"]) == ("r-1", None, "ldn-order-sign")
    assert (line["status"], line["topics"]) == (200, ["opioid-coprescription:critical"])
    assert line["resources"] > 0
    assert line["not_read"] == {}
    assert (line["hook"], line["endpoint"], line["error"]) == ("order-sign", "cds_hooks.service", None)
    assert line["cards"] == {"critical": 1}
    assert line["ms"] == pytest.approx(
        sum(line[f"{stage}_ms"] for stage in ("read", "gather", "decide", "encode")), abs=0.3
    )
    assert line["decide_ms"] > 0


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "status", "error"),
    [
        ("get", "/cds-services", "cds_hooks.discovery", 200, None),
        ("post", SIGN, "cds_hooks.service", 400, "CDS-4001"),
        ("post", "/cds-services/Jane", "cds_hooks.service", 404, "CDS-4040"),
        ("post", f"{SIGN}/feedback", "cds_hooks.feedback", 400, "CDS-4001"),
        ("get", "/Jane?patient=Jane", None, 404, "CDS-4040"),
    ],
)
def test_every_answer_has_its_line(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    endpoint: str | None,
    status: int,
    error: str | None,
) -> None:
    with caplog.at_level(logging.INFO):
        getattr(client, method)(path, data=b"{", content_type="application/json")
        client.get("/health/live")  # asked every few seconds: not worth a line
    (line,) = [vars(record) for record in caplog.records if record.getMessage() == "answered"]
    assert (line["endpoint"], line["status"], line["error"]) == (endpoint, status, error)
    assert line["service"] in (None, "ldn-order-sign")


def written(record: logging.LogRecord, **values: Any) -> str:
    return our_handler(Settings(**values)).format(record)


def test_production_writes_json() -> None:
    record = logging.makeLogRecord(
        {"msg": "a\nb", "levelname": "INFO", "name": "cds_service.x", "topics": ["t"]}
    )
    line = json.loads(written(record))
    assert line | {"level": "INFO", "logger": "cds_service.x", "message": "a\nb", "topics": ["t"]} == line
    assert written(record, log_format="text").startswith("INFO cds_service.x: a\\nb topics=")


def test_development_writes_lines_for_people() -> None:
    record = logging.makeLogRecord(
        {"msg": "answered", "levelname": "INFO", "name": "cds_service", "status": 200}
    )
    assert written(record, cds_environment="development") == "INFO cds_service: answered status=200"
    assert json.loads(written(record, cds_environment="development", log_format="json"))["status"] == 200


def test_the_time_says_its_zone() -> None:
    record = logging.makeLogRecord({"msg": "a", "name": "cds_service", "created": NOW.timestamp()})
    assert json.loads(written(record))["time"] == "2026-11-22T15:00:00.000+00:00"


def test_a_line_written_within_a_request_names_it(client: FlaskClient) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(written(record))

    asked, handler = request(), Kept()
    del asked["prefetch"]["medicationRequests"]
    token = {"token_type": "Bearer", "access_token": "t", "expires_in": 300, "scope": "s", "subject": "s"}
    asked |= {"fhirServer": f"http://127.0.0.1:{free_port()}/fhir", "fhirAuthorization": token}
    logger = logging.getLogger("cds_service")
    logger.addHandler(handler)
    try:
        client.post(SIGN, json=asked, headers={"X-Request-Id": "r-7"})
    finally:
        logger.removeHandler(handler)
    told = {line["message"]: line["request_id"] for line in map(json.loads, lines)}
    assert told["fhir MedicationRequest not complete: unreachable (connection failed)"] == "r-7"
    assert set(told.values()) == {"r-7"}
    record = logging.makeLogRecord({"msg": "started", "name": "cds_service"})
    assert "request_id" not in json.loads(written(record))


def test_flasks_own_lines_are_anothers(client: FlaskClient) -> None:
    """ "Exception on /Patient/Jane [POST]" is what it says when an error handler fails."""
    app = client.application
    record = app.logger.makeRecord(
        app.logger.name, logging.ERROR, "app.py", 7, "Exception on %s [%s]", ("/Jane", "POST"), None
    )
    assert "Jane" not in written(record)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("break_", ["\n", "\r", "\x1b[2K", "\u2028", "\u202e", "\x00", "\x85", "\ud800"])
def test_nothing_logged_begins_a_line_or_moves_the_cursor(form: str, break_: str) -> None:
    values = {"msg": f"a{break_}%s", "args": (f"b{break_}",), "name": "cds_service", "client": f"c{break_}"}
    assert written(logging.makeLogRecord(values), log_format=form).isprintable()


@pytest.mark.parametrize("form", ["json", "text"])
def test_of_libraries_only_fixed_words_numbers_and_the_place(form: str) -> None:
    def of(message: str, *args: object, **values: Any) -> str:
        record = {"msg": message, "args": args, "name": "urllib3", "module": "pool", "lineno": 7, "x": "p1"}
        return written(logging.makeLogRecord({**record, **values}), log_format=form)

    line = of('%s "GET %s" %d', "http://ehr.example", "/Condition?patient=p1", 404)
    assert "404" in line
    assert "pool:7" in line
    assert "p1" not in line + of("read /Condition?patient=p1") + of("%(url)s", {"url": "p1"}) + of(
        "%d p", "p1"
    )


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("logger", ["cds_service.x", "gunicorn.error"])
def test_of_an_exception_the_kind_and_the_place(form: str, logger: str) -> None:
    try:
        load("no such patient: Jane")
    except Exception as error:
        kind = type(error).__name__
        record = logging.makeLogRecord({"msg": "failed", "name": logger, "exc_info": sys.exc_info()})
    record.exc_text = "left by another handler: Jane"
    line = written(record, log_format=form)
    assert "Jane" not in line
    assert f"{kind} at cds_service/scenarios.py:" in line


@pytest.mark.parametrize("planted", ["/Condition?patient=p1", "Bearer eyJhbGciOi", "secret-token-1"])
def test_the_watch_over_the_suite_sees_a_leak(planted: str) -> None:
    watch = LeakWatch()
    watch.handle(logging.makeLogRecord({"msg": "GET %s", "args": (planted,), "name": "urllib3"}))
    watch.handle(logging.makeLogRecord({"msg": "fields", "name": "x", "url": planted}))
    assert len(watch.leaks) == 2


def test_the_watch_is_on_guard() -> None:
    assert any(isinstance(handler, LeakWatch) for handler in logging.getLogger().handlers)
    assert logging.getLogger("cds_service").isEnabledFor(logging.DEBUG)


def test_libraries_that_write_urls_are_silent(client: FlaskClient) -> None:
    for name in ("urllib3.connectionpool", "urllib3.connection", "werkzeug", "sqlalchemy.engine"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR)


# --- the audit trail -----------------------------------------------------------------


def test_each_decision_has_its_record(client: FlaskClient, tmp_path: Path) -> None:
    asked = request()
    client.post(SIGN, json=asked)
    client.post(SIGN, json=asked)
    client.post(SIGN, data=b"{")  # no decision
    client.get("/cds-services")
    first, second = records(tmp_path / "audit")
    assert first["service"] == "ldn-order-sign"
    assert first["topics"] == ["opioid-coprescription:critical"]
    assert first["hook_instance"] == asked["hookInstance"]
    assert first["knowledge"]
    assert first["status"] == 200
    assert first["patient"] == second["patient"]
    assert asked["context"]["patientId"] not in json.dumps(first)
    assert asked["context"]["userId"] not in json.dumps(first)


def test_an_answer_without_a_list_is_recorded_too(client: FlaskClient, tmp_path: Path) -> None:
    asked = request()
    del asked["prefetch"]
    assert client.post(SIGN, json=asked).status_code == 412
    (record,) = records(tmp_path / "audit")
    assert (record["status"], record["topics"]) == (412, [])
    assert "MedicationRequest:not-supplied" in record["not_checked"]


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    first = AuditTrail(tmp_path / "a", 30).hash("p1")
    assert AuditTrail(tmp_path / "a", 30).hash("p1") == first
    assert AuditTrail(tmp_path / "b", 30).hash("p1") != first
    assert AuditTrail(tmp_path / "a", 30, key="ours").hash("p1") != first
    assert stat.S_IMODE((tmp_path / "a" / "key").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["key"]


def test_records_end_with_their_time(tmp_path: Path) -> None:
    moment = NOW
    trail = AuditTrail(tmp_path, 30, now=lambda: moment)
    for days in (0, 1, 31, 33):
        moment = NOW + timedelta(days=days)
        trail.write({"day": days}, patient="p1", user=None, hook_instance="Jane")
    assert [record["day"] for record in records(tmp_path)] == [31, 33]
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert "Jane" not in json.dumps(records(tmp_path))  # a hook instance that is no UUID may be anything
    trail.close()


def test_replicas_share_a_folder_and_what_is_too_old_goes_whoever_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host, days in (("gone", 0), ("one", 31), ("two", 31)):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        trail = AuditTrail(tmp_path, 30, key="k", now=lambda days=days: NOW + timedelta(days=days))
        trail.write({"host": host}, patient="p1", user=None, hook_instance="h")
        trail.close()
    assert [record["host"] for record in records(tmp_path)] == ["one", "two"]


def test_a_disk_that_refuses_costs_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{tmp_path}/test.sqlite3",
        audit_dir=str(tmp_path / "file" / "audit"),
    )
    client = create_app(settings, now=lambda: NOW).test_client()
    assert client.post(SIGN, json=request()).get_json()["cards"]
    assert "audit record not written: Not a directory" in caplog.text
    assert "ldn_cds_audit_lost_total 1.0" in client.get("/metrics").text


def _write_into(folder: Path, limit: int) -> None:
    """In a process whose files may hold ``limit`` bytes: what a full disk does to a line."""
    trail, lost = AuditTrail(folder, 30, key="k", now=lambda: NOW), Counter[str]()
    trail._on_failure = lambda: lost.update(["lost"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    trail.write({"n": 1}, patient="p", user=None, hook_instance="h")
    trail.write({"n": 2}, patient="p", user=None, hook_instance="h")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    trail.write({"n": 3}, patient="p", user=None, hook_instance="h")
    assert lost == {"lost": 1}


def test_a_record_that_a_full_disk_takes_by_half_spoils_no_other(tmp_path: Path) -> None:
    process = get_context("spawn").Process(target=_write_into, args=(tmp_path, 200))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert [record["n"] for record in records(tmp_path)] == [1, 3]


def test_no_trail_where_none_is_wanted(tmp_path: Path) -> None:
    settings = Settings(
        cds_environment="development", database_url=f"sqlite:///{tmp_path}/test.sqlite3", audit_days=0
    )
    assert create_app(settings, now=lambda: NOW).test_client().post(SIGN, json=request()).status_code == 200
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:////var/lib/ldn/ldn.sqlite3", "/var/lib/ldn"),
        ("sqlite:///instance/ldn.sqlite3", "instance"),
        ("sqlite://", "instance"),
        ("postgresql://ldn@db/ldn", "instance"),
    ],
)
def test_the_trail_stands_beside_the_database(url: str, folder: str) -> None:
    assert folder_of(url) == Path(folder)
