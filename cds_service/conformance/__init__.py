"""The numbered rules of CDS Hooks, tried on any service from outside.

The service is called as an EHR calls it, and as none should; every answer is kept and checked for form.
Nothing here knows what a service is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_service.conformance import callers, calls, ehr, fetching, forms
from cds_service.conformance.bodies import body_for
from cds_service.conformance.calls import Tried
from cds_service.conformance.feedback import feedback
from cds_service.conformance.results import Result, Seen, expect, is_refused, table, untestable
from cds_service.conformance.signing import PrivateKey
from cds_service.conformance.target import Exchange, Target, Unreachable

__all__ = ["Options", "Result", "Target", "Unreachable", "examine", "is_refused"]

Json = dict[str, Any]
SANDBOX_ORIGIN = "https://sandbox.cds-hooks.org"


@dataclass(frozen=True, slots=True)
class Options:
    """``bodies`` are one's own requests by hook; ``fhir_port`` is where a FHIR server is offered.

    ``sandbox_key`` is the private key that the CDS Hooks sandbox publishes, ``log`` the file that the
    service logs to. ``on_step`` hears what is being tried, and how many steps of how many are done.
    """

    bodies: Mapping[str, Json] = field(default_factory=dict)
    origin: str = SANDBOX_ORIGIN
    fhir_port: int = 0
    sandbox_key: PrivateKey | None = None
    log: Path | None = None
    on_step: Callable[[str, int, int], None] = lambda words, done, of: None


def examine(target: Target, options: Options | None = None) -> list[Result]:
    """One result a rule. Raises :class:`Unreachable` when the service does not answer at all."""
    seen = list(_all(target, options or Options()))
    return table(seen, callers.NEEDS_KEY if target.is_closed else "not reached")


def _all(target: Target, options: Options) -> Iterator[Seen]:
    yield from forms.beyond_reach()
    yield from calls.transport(target)
    discovered = target.get("")
    yield from calls.discovery(target, discovered)
    yield from forms.on_discovery(discovered.document)
    services, unknown = _services(discovered, options.bodies)
    if not services:
        hooks = ", ".join(unknown) or "(none)"
        yield untestable("R1", f"no request is known for the hooks {hooks}; give one with --request")
        return
    if target.signer is None and target.post(services[0].path, services[0].again()).status == 401:
        yield from _callers(target, services[0], options)
        yield from calls.every_answer(target)
        return
    answers: list[tuple[Json, Exchange]] = []
    for number, tried in enumerate(services):
        options.on_step(tried.id, number, len(services) + len(_DEEPER))
        yield from _answers_of(target, tried, answers)
    for number, (words, check) in enumerate(_DEEPER, len(services)):
        options.on_step(words, number, len(services) + len(_DEEPER))
        yield from check(target, services[0], options)
    yield from forms.on_answers(answers)
    yield from calls.every_answer(target)
    yield callers.in_the_log(target, options.log)


def _services(discovered: Exchange, given: Mapping[str, Json]) -> tuple[list[Tried], list[str]]:
    """The services that a request is known for, and the hooks of the others."""
    document = discovered.document
    listed = document.get("services") if isinstance(document, dict) else None
    found, unknown = [], []
    for service in listed if isinstance(listed, list) else ():
        if not isinstance(service, dict):
            continue
        body = body_for(service, given)
        if body is None:
            unknown.append(str(service.get("hook")))
        else:
            found.append(Tried(str(service.get("id")), str(service.get("hook")), body))
    return found, unknown


def _answers_of(target: Target, tried: Tried, answers: list[tuple[Json, Exchange]]) -> Iterator[Seen]:
    """A correct call, with all of prefetch and with empty lists: what the answers are checked on."""
    for body in (tried.again(), tried.again(prefetch=tried.empty_prefetch())):
        answer = target.post(tried.path, body)
        yield expect("C1", answer.ok, f"{answer}, expected 200")
        yield expect("I3", answer.ok and answer.document is not None, f"{answer}, expected 200 with JSON")
        if answer.ok:
            answers.append((body, answer))


def _callers(target: Target, tried: Tried, options: Options) -> Iterator[Seen]:
    yield from callers.callers(target, tried, options.origin, options.sandbox_key)


def _fetching(target: Target, tried: Tried, options: Options) -> Iterator[Seen]:
    if not target.is_loopback:
        yield from fetching.without_server()
        return
    with ExitStack() as servers:
        own = servers.enter_context(ehr.running(options.fhir_port))
        yield from fetching.with_server(target, tried, own, servers.enter_context(ehr.running()))


Check = Callable[[Target, Tried, Options], Iterator[Seen]]


def _plain(check: Callable[[Target, Tried], Iterator[Seen]]) -> Check:
    return lambda target, tried, options: check(target, tried)


_DEEPER: tuple[tuple[str, Check], ...] = (
    ("routes", _plain(calls.routes)),
    ("refusals", _plain(calls.refusals)),
    ("tolerance", _plain(calls.tolerance)),
    ("another patient's data", _plain(calls.strangers)),
    ("no guidance", _plain(calls.silence)),
    ("speed", _plain(calls.speed)),
    ("feedback", _plain(feedback)),
    ("tokens", _callers),
    ("FHIR server", _fetching),
)
"""What one service is enough for."""
