"""What is read and imported when: by the process above the workers, by a worker, and then by no answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sites import codes_of_a_site

_WATCH = """
import json, sys
from datetime import UTC, datetime

used = []


def hear(event, told):
    if event == "import" or event == "open" and "/cds_service/" in str(told[0]):
        used.append(str(told[0]))


def watch():
    sys.addaudithook(hear)
"""

_WORKER = """
import gc
from cds_service.gunicorn_worker import Worker
Worker.setup()
frozen = gc.get_freeze_count()
watch()
from app import app
print(json.dumps([frozen, used]))
"""

_ANSWERS = """
from cds_service import create_app
from cds_service.scenarios import all_names, load
client = create_app().test_client()
patients = [load(name) for name in all_names()]
asked = [(hook, patient.request(hook, datetime.now(UTC))) for patient in patients for hook in patient.hooks]
watch()
topics = set()
for hook, body in asked:
    answer = client.post(f"/cds-services/ldn-{hook}", json=body)
    topics |= {card["source"]["topic"]["code"] for card in answer.json["cards"]}
print(json.dumps([sorted(topics), used]))
"""


def told_by(script: str, folder: Path, **settings: str) -> Any:
    environment = {
        **os.environ,
        "CDS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder}/test.sqlite3",
        **settings,
    }
    line = [sys.executable, "-c", _WATCH + script]
    told = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_modules_and_tables_are_loaded_above_the_workers(tmp_path: Path) -> None:
    """And left out of their collections, which would write to what they share."""
    frozen, used = told_by(_WORKER, tmp_path)
    assert frozen > 50_000
    assert "app" in used
    assert [name for name in used if name.endswith(".csv") or name.startswith("cds_service.")] == []


def test_a_worker_reads_the_sites_files_itself(tmp_path: Path) -> None:
    """So that a restart reads them as they are then; with them come its tables, once more."""
    _, used = told_by(_WORKER, tmp_path, KNOWLEDGE_DIR=str(codes_of_a_site(tmp_path)))
    assert [name for name in used if name.endswith("rxnorm_products.csv")]


@pytest.mark.parametrize("with_own_codes", [False, True])
def test_no_answer_waits_for_a_table_or_a_module(with_own_codes: bool, tmp_path: Path) -> None:
    settings = {"KNOWLEDGE_DIR": str(codes_of_a_site(tmp_path))} if with_own_codes else {}
    topics, used = told_by(_ANSWERS, tmp_path, **settings)
    assert len(topics) > 15
    assert used == []
