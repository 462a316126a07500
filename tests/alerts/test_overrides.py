"""The store is asked within a bound: without it nothing is quietened, and the cards go out."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from cds_service.alerts import overrides
from cds_service.alerts.overrides import Overrides
from cds_service.errors import Unavailable
from tests.alerts.conftest import MakeEhr, about, topics


def unknown(ehr: Any) -> str:
    lines = ehr.http.get("/metrics").text.splitlines()
    return next(line for line in lines if line.startswith("ldn_cds_overrides_unknown_total"))


def test_a_database_that_is_down(make_ehr: MakeEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise Unavailable("down")

    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    with monkeypatch.context() as broken:
        broken.setattr(Overrides, "_read", fail)
        assert topics(ehr.order("pregnant"))["pregnancy"] == "warning"
    assert unknown(ehr).endswith(" 1.0")
    assert topics(ehr.order("pregnant"))["pregnancy"] == "warning", "it is left alone for a while"
    assert unknown(ehr).endswith(" 2.0")


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_hangs(make_ehr: MakeEhr, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    ehr = make_ehr()
    monkeypatch.setattr(overrides, "PATIENCE", 0.05)
    monkeypatch.setattr(Overrides, "_read", lambda *given: ended.wait(30) and [])
    assert topics(ehr.order("pregnant"))["pregnancy"] == "warning"
    assert not ended.is_set()
    ended.set()
    assert unknown(ehr).endswith(" 1.0")
