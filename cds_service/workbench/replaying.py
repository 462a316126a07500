"""The page ``/replay``: paste an EHR's request, see the answer and how it came about. Nothing is kept."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import flask

from cds_service.cds_hooks.authentication import Authenticator
from cds_service.decision import Decider
from cds_service.errors import NotFound
from cds_service.openapi import example_request
from cds_service.replay import Replayed, Replayer
from cds_service.settings import Settings

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LARGEST_SHOWN = 100_000
"""Characters of a request that are put back into the form."""
_FORM_OVERHEAD = 10_000


def replay_blueprint(
    decider: Decider, settings: Settings, authenticator: Authenticator | None = None
) -> flask.Blueprint:
    """The page. The request's FHIR server can be asked in development only: a page has no caller to trust.

    :param authenticator: judges callers' tokens; without one (production, where whoever reaches the page
        could learn who is registered) their claims are shown unjudged.
    """
    blueprint = flask.Blueprint("replay", __name__, template_folder="templates")

    @blueprint.get("/replay")
    def page() -> flask.Response:
        example = flask.request.args.get("example")
        return _show(settings, sent=_example(example) if example else "")

    @blueprint.post("/replay")
    def answer() -> flask.Response:
        flask.request.max_content_length = settings.max_body_bytes + _FORM_OVERHEAD
        flask.request.max_form_memory_size = settings.max_body_bytes
        body = _sent()
        fetch = settings.development and "fetch" in flask.request.form
        base_url = settings.public_url or (flask.request.url_root if settings.development else None)
        replayer = Replayer(decider, base_url.rstrip("/") if base_url else None)
        found = replayer.replay(
            body,
            fetch=fetch,
            authorization=flask.request.form.get("authorization", "").strip(),
            authenticator=authenticator,
        )
        return _show(settings, sent=body.decode(errors="replace"), found=found)

    return blueprint


def _sent() -> bytes:
    """The uploaded file, else what was pasted."""
    upload = flask.request.files.get("file")
    if upload:
        with upload.stream:
            content: bytes = upload.read()
        if content:
            return content
    return flask.request.form.get("request", "").encode()


def _show(settings: Settings, sent: str, found: Replayed | None = None) -> flask.Response:
    page = flask.render_template(
        "replay.html",
        sent=sent if len(sent) <= _LARGEST_SHOWN else "",
        too_large=len(sent) > _LARGEST_SHOWN,
        found=found,
        may_fetch=settings.development,
        markdown=_markdown().render,
        pretty=_pretty,
    )
    response = flask.make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _example(hook: str) -> str:
    try:
        return _pretty(example_request(hook))
    except KeyError:
        raise NotFound("There is no such example") from None


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # the first page waits for it, and not the start

    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
