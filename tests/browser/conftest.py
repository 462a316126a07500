"""A real Chromium against a real server process, for the tests of every page (marker ``browser``).

``service`` is the application in development mode under gunicorn, with its database;
``page`` is a fresh browser context on it. At the end of each test the page must have
logged no error and asked nobody but the service.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import find_program
from tests.servers import answering, free_port

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HEAVIEST = 150_000
"""Bytes that a page may ask for in all, as it is first shown."""


@dataclass(frozen=True)
class Running:
    """A service process: where it answers, and the SQLite file behind it."""

    url: str
    database: Path


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Running]:
    """The service in a process of its own, in development unless ``environment`` says otherwise."""
    port, database = free_port(), folder / "ldn-cds.sqlite3"
    settings = {
        "CDS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{database}",
        "TIME_BUDGET_MS": "10000",
        **environment,
    }
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "16"]
    command += ["--worker-tmp-dir", str(folder), "--no-control-socket", "app:app"]
    with answering(command, port, folder, settings) as served:
        yield Running(served.base, database)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the session."""
    program = find_program("browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service in development, shared by all tests of the session."""
    with serving(tmp_path_factory.mktemp("service")) as running:
        yield running


@dataclass
class Seen:
    """What a page did beside what was asked of it."""

    errors: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)


def watch(context: BrowserContext) -> Seen:
    """Collect the console errors and requests of every page of ``context``."""
    seen = Seen()
    context.on(
        "console", lambda message: seen.errors.append(message.text) if message.type == "error" else None
    )
    context.on("weberror", lambda error: seen.errors.append(str(error.error)))
    context.on("request", lambda request: seen.urls.append(request.url))
    return seen


OpenContext = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, service: Running) -> Iterator[OpenContext]:
    """Opens a page in a fresh context: ``open_page(color_scheme="dark", viewport=…)``; checks it at the end.

    ``expects_errors=True`` for a test in which a call is meant to be refused: the
    browser writes every 4xx answer to its console.
    """
    opened: list[tuple[BrowserContext, Seen, str, bool]] = []

    def open_(base_url: str = service.url, expects_errors: bool = False, **options: Any) -> Page:
        context = chromium.new_context(base_url=base_url, **options)
        context.set_default_timeout(15_000)
        opened.append((context, watch(context), base_url, expects_errors))
        return context.new_page()

    yield open_
    for context, seen, base_url, expects_errors in opened:
        context.close()
        assert [url for url in seen.urls if not url.startswith((base_url, "data:", "blob:"))] == []
        assert expects_errors or seen.errors == []


@pytest.fixture
def page(open_page: OpenContext) -> Page:
    """A desktop page, light."""
    return open_page(viewport={"width": 1280, "height": 900})


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now; an empty list is what every state must give."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['help']}: {[node['html'] for node in v['nodes']][:3]}" for v in found]


def weight(page: Page, path: str) -> int:
    """Bytes that showing ``path`` for the first time asks for, by the browser's own count."""
    page.goto(path, wait_until="networkidle")
    entries = '[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]'
    return int(page.evaluate(f"{entries}.reduce((sum, entry) => sum + entry.transferSize, 0)"))
