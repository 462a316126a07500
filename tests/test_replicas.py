"""Two replicas behind nginx answer as one: tokens serve once, calls are counted together."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from cds_service.scenarios import load
from tests.replicas import Replicas, new_token, replicas
from tests.servers import wait_for

pytestmark = [pytest.mark.nginx, pytest.mark.postgresql, pytest.mark.redis]

SIGN = "/cds-services/ldn-order-sign"
FEEDBACK = f"{SIGN}/feedback"
CALLS_A_MINUTE = 40


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    with replicas(folder, registration=f"rate_limit = {CALLS_A_MINUTE}\n") as two:
        yield two


def order() -> Any:
    return load("oxycodone-active").request("order-sign", datetime.now(UTC))


def test_a_token_serves_once_whichever_replica_gets_it(two: Replicas) -> None:
    first, second = (replica.base for replica in two.served)
    token = new_token(SIGN)
    assert two.call(SIGN, order(), to=first, token=token).status_code == 200
    assert two.call(SIGN, order(), to=second, token=token).status_code == 401
    token = new_token(SIGN)
    answers = [two.call(SIGN, order(), token=token).status_code for _ in range(4)]  # through nginx
    assert answers == [200, 401, 401, 401]
    assert "call refused: jti-seen-before (client a)" in two.served[1].log.read_text()


def test_nginx_spreads_calls_and_lets_the_request_through_unchanged(two: Replicas) -> None:
    answers = [two.call(SIGN, order()) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    cards = answers[0].json()["cards"]
    assert cards[0]["source"]["topic"]["code"] == "opioid-coprescription"
    counts = [requests.get(f"{replica.base}/metrics", timeout=30).text for replica in two.served]
    assert all('status="200"' in page for page in counts)
    assert [
        requests.get(two.front + path, timeout=30).status_code for path in ("/metrics", "/health/ready")
    ] == [
        404,
        404,
    ]


def test_feedback_of_a_card_is_taken_by_the_other_replica(two: Replicas) -> None:
    first, second = (replica.base for replica in two.served)
    card = two.call(SIGN, order(), to=first).json()["cards"][0]
    item = {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
        "outcomeTimestamp": datetime.now(UTC).isoformat(),
    }
    answer = two.call(FEEDBACK, {"feedback": [item]}, to=second)
    assert (answer.status_code, answer.json()) == (200, {})


def test_what_was_overridden_at_one_replica_is_quieter_at_the_other(two: Replicas) -> None:
    """Each has a journal of its own, as on two machines: the card must be loaded, within a second or so."""
    first, second = (replica.base for replica in two.served)
    drafted = load("pregnant").request("order-select", datetime.now(UTC))
    signed = load("pregnant").request("order-sign", datetime.now(UTC))
    card = two.call("/cds-services/ldn-order-select", drafted, to=first).json()["cards"][0]
    assert (card["source"]["topic"]["code"], card["indicator"]) == ("pregnancy", "warning")
    item = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "recipient-concerns-outcomes", "system": "s"}},
        "outcomeTimestamp": datetime.now(UTC).isoformat(),
    }
    assert two.call(FEEDBACK, {"feedback": [item]}, to=second).status_code == 200
    for _ in range(60):
        time.sleep(0.5)
        shown = two.call(SIGN, signed, to=second).json()["cards"]
        if all(card["indicator"] == "info" for card in shown):
            break
    repeated = next(card for card in shown if card["source"]["topic"]["code"] == "pregnancy")
    assert repeated["indicator"] == "info"
    assert "Overridden" in repeated["detail"]


def test_no_log_names_the_patient_or_a_token(two: Replicas) -> None:
    asked = order()
    token = new_token(SIGN)
    headers = {"Authorization": f"Bearer {token}"}
    requests.post(
        f"{two.front}{SIGN}?name={asked['context']['patientId']}", json=asked, headers=headers, timeout=30
    )
    requests.get(f"{two.front}/Patient/{asked['context']['patientId']}", timeout=30)
    requests.get(f"{two.front}/explain/opioid-washout", timeout=30)
    folder = two.served[0].log.parent.parent
    wait_for(lambda: paths_in(folder / "nginx/access.log")[-1:] == ["/explain"])  # written after the answer
    logs = [*(replica.log for replica in two.served), folder / "nginx/access.log", folder / "nginx/error.log"]
    written = "".join(log.read_text("utf-8", "replace") for log in logs)
    assert "/cds-services/ldn-order-sign" in written
    assert asked["context"]["patientId"] not in written
    assert token not in written
    assert paths_in(folder / "nginx/access.log")[-3:] == [SIGN, "(another)", "/explain"]


def paths_in(access_log: Path) -> list[str]:
    """The path of each request, as nginx wrote it."""
    return [json.loads(line)["path"] for line in access_log.read_text().splitlines()]


def test_calls_a_minute_are_counted_over_both(two: Replicas) -> None:
    """The last test here: it uses the minute up."""
    answers = Counter(two.call(SIGN, {}).status_code for _ in range(CALLS_A_MINUTE + 10))
    assert answers[429] >= 10
    assert set(answers) <= {400, 429}
    for replica in two.served:
        assert two.call(SIGN, {}, to=replica.base).status_code == 429
