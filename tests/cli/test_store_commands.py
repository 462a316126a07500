"""``ldn-cds migrate``, ``purge``, ``comments`` and what else reads the database."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from cds_service.cli import main
from cds_service.store.schema import REVISION
from tests.servers import free_port
from tests.store.conftest import NOW, MakeStore, said, served
from tests.store.conftest import make_store as make_store
from tests.store.test_feedback import keep

KEY, NEXT_KEY = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def command(*arguments: str, **environ: str) -> Result:
        return CliRunner(env=environ).invoke(main, arguments)

    return command


def test_migrate_makes_the_tables_once(run: Any) -> None:
    assert run("migrate").output == f"now at revision {REVISION} (was without one)\n"
    assert run("migrate").output == f"nothing to do: the database is at revision {REVISION}\n"


READERS = ["migrate", "purge", "comments", "report", "snooze list", "snooze lift x"]


@pytest.mark.parametrize("command", READERS)
def test_without_a_database_a_command_says_so_and_ends_with_three(command: str, run: Any) -> None:
    nowhere = f"postgresql://x@127.0.0.1:{free_port()}/x"
    result = run(*command.split(), DATABASE_URL=nowhere, COMMENT_KEYS=KEY)
    assert result.exit_code == 3
    assert result.stderr.startswith("ldn-cds: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [each for each in READERS if each != "migrate"])
def test_a_setting_of_the_store_that_does_not_fit_is_wrong_use(command: str, run: Any) -> None:
    result = run(*command.split(), COMMENTS="encrypt", COMMENT_KEYS="no-key")
    assert result.exit_code == 2
    assert result.stderr == "ldn-cds: settings: COMMENT_KEYS are Fernet keys: 32 bytes in url-safe base64\n"


@pytest.mark.parametrize("command", ["snooze list", "snooze lift x"])
def test_a_sites_file_that_does_not_fit_is_wrong_use(command: str, run: Any) -> None:
    result = run(*command.split(), SITE_FILE="/nowhere.toml")
    assert result.exit_code == 2
    assert "nowhere.toml" in result.stderr


def test_purge_removes_what_is_old_and_says_how_much(run: Any, make_store: MakeStore) -> None:
    store = make_store(store_days=365 * 100)  # it purges by itself, too
    old, new = served(store, shown=NOW - timedelta(days=9000)), served(store)
    keep(store, said(old.card))
    store.record([old, new])
    store.load()
    numbers = {"cards": 1, "feedback": 1, "comments": 0}
    trial = run("purge", "--older-than", "8000", "--dry-run", "--json")
    assert json.loads(trial.output) == numbers | {"dry_run": True}
    assert json.loads(run("purge", "--older-than", "8000", "--json").output) == numbers | {"dry_run": False}
    assert run("purge", "--older-than", "8000").output == "removed 0 cards, 0 feedback, 0 comments\n"


def test_comments_are_printed_and_closed_with_a_new_key(run: Any, make_store: MakeStore) -> None:
    store = make_store(comments="encrypt", comment_keys=(KEY,))
    keep(store, said(store.ids.card("", ""), user_comment="stopped last week"))
    line = json.loads(run("comments", COMMENT_KEYS=KEY).output)
    assert (line["comment"], line["reason"]) == ("stopped last week", "done")
    renewed = run("comments", "--renew", COMMENT_KEYS=f"{NEXT_KEY},{KEY}")
    assert renewed.output == "1 comments closed with the first key; 0 open with none of the keys\n"
    assert json.loads(run("comments", COMMENT_KEYS=NEXT_KEY).output)["comment"] == "stopped last week"
    assert json.loads(run("comments", COMMENT_KEYS=KEY).output)["comment"] is None


def test_comments_without_a_key(run: Any) -> None:
    result = run("comments")
    assert (result.exit_code, result.stderr) == (
        2,
        "ldn-cds: COMMENT_KEYS is not set: no comment can be read\n",
    )
