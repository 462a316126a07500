"""The pages that stand in the navigation, wherever they were registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import flask

PAGES = (
    ("workbench.try_it", "Try it"),
    ("workbench.topics", "Cards"),
    ("workbench.titrations", "Titration"),
    ("replay.page", "Replay"),
    ("reports.page", "Reports"),
    ("workbench.knowledge", "Knowledge"),
    ("api.page", "API"),
)
"""Endpoint and label; an endpoint that this application does not have is left out."""


class Entry(NamedTuple):
    """One link of the navigation."""

    url: str
    label: str
    current: bool


def entries() -> Iterator[Entry]:
    """The links for the page being shown."""
    endpoint = flask.request.endpoint or ""
    for name, label in PAGES:
        if name in flask.current_app.view_functions:
            yield Entry(flask.url_for(name), label, _is_within(endpoint, name))


def _is_within(endpoint: str, page: str) -> bool:
    """A page, or one under it: ``topic`` under ``topics``, the answer to a page's form under the page."""
    blueprint, _, name = page.rpartition(".")
    return page in (endpoint, f"{endpoint}s") or (name == "page" and endpoint.startswith(f"{blueprint}."))
