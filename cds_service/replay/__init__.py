"""One request decided once more, with the trace beside the answer. Nothing is stored or sent.

A request that cannot be decided gets an explanation in place of cards: what is wrong, at which JSON path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from time import perf_counter
from typing import Any

import msgspec
from msgspec import Struct

from cds_service.cds_hooks import HOOKS, CallContext, HookRequest, encode, operation_outcome, parse_request
from cds_service.cds_hooks.authentication import Authenticator, Caller
from cds_service.cds_hooks.validation import Violation, validate_request, validate_response
from cds_service.decision import Decider, Workings
from cds_service.errors import InvalidJSON, InvalidRequest, MissingField, ServiceError
from cds_service.replay.presented import Presented, present
from cds_service.replay.reading import BadJson, parse_json
from cds_service.replay.trace import Trace, trace
from cds_service.services import id_of

TODAY_KEY = "ldn-cds.today"
"""Key of the request's ``extension`` that names the day of the decision; redaction writes it (ISO date)."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why there are no cards: what the service would answer, in words, and where it found the fault."""

    code: str
    words: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None


class Broken(Struct, frozen=True):
    """A rule of the specification that a message breaks."""

    rule: str
    path: str
    message: str


class Replayed(Struct, frozen=True, omit_defaults=True):
    """The answer (cards, or an OperationOutcome) as the service would give it, and how it came about."""

    status: int
    response: dict[str, Any]
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    request_breaks: tuple[Broken, ...] = ()
    response_breaks: tuple[Broken, ...] = ()
    trace: Trace | None = None
    presented: Presented | None = None
    """The caller's token, where one was given."""


@dataclass(frozen=True, slots=True)
class Replayer:
    """Decides requests as the service of ``decider`` would; ``base_url`` is what links start with."""

    decider: Decider
    base_url: str | None = None

    def replay(
        self,
        body: bytes,
        *,
        fetch: bool = False,
        caller: Caller | None = None,
        authorization: str | None = None,
        authenticator: Authenticator | None = None,
    ) -> Replayed:
        """Answer ``body``, the service guessed from its hook; ``fetch`` asks its FHIR server too.

        :param authorization: the header the call came with; ``caller`` is whom it shows, unless given.
        :param authenticator: says whether it would be taken.
        """
        if not authorization:
            return self._replay(body, fetch, caller)
        presented, shown = present(authorization, self._url(body), authenticator)
        return msgspec.structs.replace(self._replay(body, fetch, caller or shown), presented=presented)

    def _url(self, body: bytes) -> str | None:
        """Of the service that ``body`` was sent to: what the token's audience must be."""
        try:
            hook = _hook_of(parse_json(body))
        except (BadJson, ServiceError):
            return None
        return f"{self.base_url.rstrip('/')}/cds-services/{id_of(HOOKS[hook])}" if self.base_url else None

    def _replay(self, body: bytes, fetch: bool, caller: Caller | None) -> Replayed:
        try:
            decoded = parse_json(body)
        except BadJson as bad:
            words = f"{bad.words} (line {bad.line}, column {bad.column})"
            problem = Problem(InvalidJSON.code, words, "$", bad.line, bad.column, bad.excerpt)
            return _refused(InvalidJSON("The body is not valid JSON", path="$"), problem)
        breaks = tuple(_broken(validate_request(decoded)))
        began = perf_counter()
        try:
            request = parse_request(body, HOOKS[_hook_of(decoded)])
        except ServiceError as error:
            return msgspec.structs.replace(_refused(error), request_breaks=breaks)
        milliseconds = {"read the request": (perf_counter() - began) * 1000}
        answered = self._answer(request, fetch, caller, milliseconds)
        return msgspec.structs.replace(answered, request_breaks=breaks)

    def _answer(
        self, request: HookRequest, fetch: bool, caller: Caller | None, milliseconds: dict[str, float]
    ) -> Replayed:
        seen: list[Workings] = []
        notes = tuple(_notes(request, fetch))
        day = _day_of(request)
        decider = replace(
            self.decider,
            watch=seen.append,
            observe=lambda request, decision: None,
            now=self.decider.now if day is None else _noon_of(day, self.decider),
        )
        asked = request if fetch else msgspec.structs.replace(request, fhir_server=None, authorization=None)
        began = perf_counter()
        try:
            body = encode(decider.answer(asked, CallContext(self.base_url, "replay", caller)))
        except ServiceError as error:
            refused = _refused(error)
            traced = self._trace(seen, request, milliseconds, (perf_counter() - began) * 1000)
            return msgspec.structs.replace(refused, notes=notes, trace=traced)
        taken = (perf_counter() - began) * 1000
        response = msgspec.json.decode(body)
        broken = tuple(_broken(validate_response(response, request)))
        traced = self._trace(seen, request, milliseconds, taken)
        return Replayed(200, response, notes=notes, response_breaks=broken, trace=traced)

    def _trace(
        self, seen: list[Workings], request: HookRequest, milliseconds: Mapping[str, float], taken: float
    ) -> Trace | None:
        if not seen:
            return None
        # with the authorization that was not used
        workings = msgspec.structs.replace(seen[0], request=request)
        gather, judged = workings.decision.gather_ms, workings.decision.decide_ms
        stages = {
            **milliseconds,
            "gather the record": gather,
            "chart and rules": judged,
            "cards": max(0.0, taken - gather - judged),
        }
        client = workings.call.caller.client if workings.call.caller else None
        keys = {**self.decider.sources.options.keys, **(client.prefetch_keys if client else {})}
        return trace(workings, self.decider.clinical, keys=keys, milliseconds=stages)


def _refused(error: ServiceError, problem: Problem | None = None) -> Replayed:
    status, outcome = operation_outcome(error)
    return Replayed(status, outcome, problem or Problem(error.code, error.diagnostics, error.path))


def _broken(violations: Iterable[Violation]) -> Iterator[Broken]:
    return (Broken(found.rule, found.path, found.message) for found in violations)


def _hook_of(decoded: Any) -> str:
    """The hook that the request names. Raises what the service answers, in words that say what to do."""
    if not isinstance(decoded, dict):
        raise InvalidJSON("Expected an object: the body of a CDS Hooks call", path="$")
    hook = decoded.get("hook")
    if not hook and "resourceType" in decoded:
        raise MissingField("A FHIR resource; a request has hook, hookInstance and context", path="$.hook")
    if not hook:
        raise MissingField("hook is required: it names the service", path="$.hook")
    if not isinstance(hook, str) or hook not in HOOKS:
        raise InvalidRequest(f"No service answers this hook; there are {', '.join(HOOKS)}", path="$.hook")
    return hook


def _notes(request: HookRequest, fetch: bool) -> Iterator[str]:
    """What a reader must know of the difference between this replay and the call."""
    if request.fhir_server and not fetch:
        yield (
            "The request names a FHIR server, which was not asked: access tokens live for minutes, and "
            "a replay must not read a chart unasked. Lists that were not in prefetch count as missing."
        )
    if _day_of(request):
        yield f"Decided on {_day_of(request)}, the day this redacted request names."


def _day_of(request: HookRequest) -> date | None:
    raw = request.extension.get(TODAY_KEY)
    try:
        return msgspec.json.decode(raw, type=date) if raw else None
    except msgspec.DecodeError:
        return None


def _noon_of(day: date, decider: Decider) -> Callable[[], datetime]:
    moment = datetime.combine(day, time(12), tzinfo=decider.sources.zone).astimezone(UTC)
    return lambda: moment
