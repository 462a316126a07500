"""What a service does with requests, good and bad (T1, T5, T6, D1, R, P, C17, C18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

from cds_service.conformance.bodies import changed, in_context, of_stranger, searchset
from cds_service.conformance.results import Seen, expect, failed, not_applicable, passed, untestable
from cds_service.conformance.target import Exchange, Target

Json = dict[str, Any]
ACCESS_TOKEN = "conformance-access-token-0123456789"
_OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
_TIMED_CALLS = 5


@dataclass(frozen=True, slots=True)
class Tried:
    """One service of the discovery document, and a request that fits it."""

    id: str
    hook: str
    body: Json

    @property
    def path(self) -> str:
        return f"/{self.id}"

    def empty_prefetch(self) -> Json:
        """The prefetch of a patient of whom the lists hold nothing."""
        prefetch: Json = self.body.get("prefetch") or {}
        return {key: searchset([]) if _is_bundle(value) else value for key, value in prefetch.items()}

    def again(self, **members: Any) -> Json:
        """The request with another hookInstance and changed members."""
        return changed(self.body, hookInstance=str(uuid4()), **members)


def transport(target: Target) -> Iterator[Seen]:
    """T1."""
    if target.base.startswith("https://"):
        yield passed("T1")
    elif target.is_loopback:
        yield not_applicable("T1", "plain HTTP on the loopback interface")
    else:
        yield failed("T1", "plain HTTP")


def discovery(target: Target, exchange: Exchange) -> Iterator[Seen]:
    """D1, D2, D14, D15, I1."""
    yield expect("D1", exchange.ok, str(exchange))
    if not exchange.ok:
        return
    yield expect("D2", isinstance(exchange.document, dict), "the body is no JSON object")
    fresh = {"ETag", "Cache-Control"} & set(exchange.headers)
    yield expect("D15", bool(fresh), "neither ETag nor Cache-Control")
    bare = target.get("", token=None)
    yield passed("D14", "asks for a token" if bare.status == 401 else "open to all")
    services = exchange.document.get("services") if isinstance(exchange.document, dict) else None
    if not isinstance(services, list):
        yield failed("I1", "no array of services")
    elif not services:
        yield not_applicable("I1", "no services")
    else:
        yield expect("I1", all(map(_is_described, services)), "hook, description and id must be strings")


def _is_described(service: Any) -> bool:
    names = ("hook", "description", "id")
    return isinstance(service, dict) and all(isinstance(service.get(name), str) for name in names)


def routes(target: Target, tried: Tried) -> Iterator[Seen]:
    """R1."""
    unknown = target.post(f"/{uuid4()}", tried.again())
    yield expect("R1", unknown.status == 404, f"an unknown service: {unknown.status}, expected 404")
    wrong = target.get(tried.path)
    yield expect("R1", wrong.status == 405, f"GET on a service: {wrong.status}, expected 405")
    if wrong.status == 405:
        yield expect("R1", "POST" in wrong.headers.get("Allow", ""), "405 without Allow")


def refusals(target: Target, tried: Tried) -> Iterator[Seen]:
    """R2, R3, R5, R8, R9."""
    server = {"fhirServer": "https://ehr.example.org/fhir"}
    own, anothers = _authorization(), _authorization(patient="another-patient")
    bad = [
        ("R2", "without hook", tried.again(hook=...)),
        ("R2", "without hookInstance", changed(tried.body, hookInstance=...)),
        ("R2", "without context", tried.again(context=...)),
        ("R2", "no JSON", b'{"hook": '),
        ("R2", "an array", b"[]"),
        ("R3", "with another hook", tried.again(hook="no-such-hook")),
        ("R5", "fhirAuthorization without fhirServer", tried.again(fhirServer=..., fhirAuthorization=own)),
        ("R8", "a token for another patient", tried.again(**server, fhirAuthorization=anothers)),
        ("R9", "without patientId", in_context(tried.again(), patientId=...)),
    ]  # fmt: skip
    field = "medications" if tried.hook == "medication-prescribe" else "draftOrders"
    if field in tried.body.get("context", {}):
        bad.append(("R9", f"without {field}", in_context(tried.again(), **{field: ...})))
    for row, words, body in bad:
        answer = target.post(tried.path, body)
        yield expect(row, answer.refused, f"a request {words}: {answer.status}, expected 400")


def _authorization(**members: Any) -> Json:
    correct = {
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "user/*.rs",
        "subject": "cds",
    }
    return {**correct, **members}  # fmt: skip


def tolerance(target: Target, tried: Tried) -> Iterator[Seen]:
    """T5, T6, R4, R7, R10, R11, P1, P3, P4, P5, C17: what must do no harm."""
    prefetch = tried.body.get("prefetch") or {}
    some = dict(list(prefetch.items())[: len(prefetch) // 2])
    access = {"access_token": ACCESS_TOKEN}
    server = {"fhirServer": "https://ehr.example.invalid/fhir", "fhirAuthorization": access}
    twice = tried.again()
    harmless = [
        ("T5", "unknown members", tried.again(unknown={"a": 1}, extension={"com.example.unknown": True})),
        ("R4", "a hookInstance that is no UUID", changed(tried.body, hookInstance="17")),
        ("R11", "a hookInstance", twice),
        ("R11", "a hookInstance again", twice),
    ]
    for row, words, body in harmless:
        answer = target.post(tried.path, body)
        yield expect(row, answer.ok, f"a request with {words}: {answer.status}")
    partial = [
        ("P1", "without prefetch", tried.again(prefetch=...)),
        ("P1", "with half of the prefetch keys", tried.again(prefetch=some)),
        ("P1", "with all prefetch keys", tried.again()),
        ("P3", "without any data", tried.again(prefetch=..., fhirServer=..., fhirAuthorization=...)),
        ("P4", "with OperationOutcomes", tried.again(prefetch=dict.fromkeys(prefetch, _OUTCOME))),
        ("P5", "with null under every key", tried.again(prefetch=dict.fromkeys(prefetch))),
        ("R7", "with an incomplete fhirAuthorization", tried.again(**server)),
    ]  # fmt: skip
    for row, words, body in partial:
        answer = target.post(tried.path, body)
        yield expect(row, _answered(answer), f"a request {words}: {answer.status}, expected 200 or 412")
    echoed = any(ACCESS_TOKEN in exchange.text for exchange in target.exchanges)
    yield expect("R10", not echoed, "the access token stands in an answer")
    charset = {"Content-Type": "application/json; charset=utf-8"}
    answer = target.post(tried.path, tried.again(), headers=charset)
    yield expect("T6", answer.ok, f"application/json with a charset: {answer.status}")


def _answered(exchange: Exchange) -> bool:
    return exchange.status in (200, 412)


def strangers(target: Target, tried: Tried) -> Iterator[Seen]:
    """P10, as far as the request's prefetch makes a difference."""
    patient = str(tried.body.get("context", {}).get("patientId", "")).rsplit("/", 1)[-1]
    prefetch = tried.body.get("prefetch") or {}
    lists = {key: value for key, value in prefetch.items() if _is_bundle(value)}
    own = _summaries(target.post(tried.path, tried.again()))
    none = _summaries(target.post(tried.path, tried.again(prefetch=tried.empty_prefetch())))
    if not patient or not lists or own == none:
        yield untestable("P10", "this request's prefetch changes no card; give one with --request")
        return
    others = target.post(tried.path, tried.again(prefetch={**prefetch, **of_stranger(lists, patient)}))
    same = _summaries(others) == own
    yield expect("P10", not same, "another patient's data give the same cards")


def _is_bundle(value: Any) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == "Bundle"


def _summaries(exchange: Exchange) -> list[str]:
    cards = exchange.document.get("cards") if isinstance(exchange.document, dict) else None
    return sorted(str(card.get("summary")) for card in cards or () if isinstance(card, dict))


def speed(target: Target, tried: Tried) -> Iterator[Seen]:
    """P9, by the median of a few calls."""
    taken = median(target.post(tried.path, tried.again()).seconds for _ in range(_TIMED_CALLS))
    words = f"median of {_TIMED_CALLS} calls: {taken * 1000:.0f} ms"
    yield passed("P9", words) if taken <= 0.5 else failed("P9", words)


def silence(target: Target, tried: Tried) -> Iterator[Seen]:
    """C17: an order of no concern, or none at all."""
    field = "medications" if tried.hook == "medication-prescribe" else "draftOrders"
    if field not in tried.body.get("context", {}):
        yield not_applicable("C17", "a hook without orders")
        return
    empty = {"resourceType": "Bundle", "type": "collection"}
    answer = target.post(tried.path, in_context(tried.again(), **{field: empty}, **_nothing_selected(tried)))
    cards = answer.document.get("cards") if isinstance(answer.document, dict) else None
    yield expect(
        "C17", answer.ok and isinstance(cards, list), f"an empty basket: {answer.status}, expected 200"
    )


def _nothing_selected(tried: Tried) -> Json:
    return {"selections": []} if "selections" in tried.body.get("context", {}) else {}


def every_answer(target: Target) -> Iterator[Seen]:
    """T3, T6 and C18 over all that was answered."""
    for exchange in target.exchanges:
        if exchange.method == "OPTIONS":
            continue
        kind = exchange.headers.get("Content-Type", "")
        if exchange.ok:
            yield expect("T3", exchange.document is not None, f"{exchange}: not JSON")
            right = kind.split(";")[0].strip().lower() == "application/json"
            yield expect("T6", right, f"{exchange}: Content-Type {kind or 'missing'}")
        elif exchange.status >= 400:
            document = exchange.document if isinstance(exchange.document, dict) else {}
            is_outcome = document.get("resourceType") == "OperationOutcome"
            yield expect("C18", is_outcome, f"{exchange}: no OperationOutcome")
            yield expect("C18", "Traceback (most" not in exchange.text, f"{exchange}: shows a stack")
