"""What a service asks of the EHR's FHIR server, seen from that server (P2, P5 to P8, P11, A16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.conformance.bodies import PATIENT
from cds_service.conformance.calls import ACCESS_TOKEN, Tried
from cds_service.conformance.ehr import Ehr
from cds_service.conformance.results import Seen, expect, not_applicable, untestable
from cds_service.conformance.target import Target

_ROWS = ("P2", "P6", "P7", "P8", "P11")


def without_server() -> Iterator[Seen]:
    """Where none can be offered."""
    for row in (*_ROWS, "A16"):
        yield untestable(row, "a FHIR server can be offered to a service on the same machine only")


def with_server(target: Target, tried: Tried, ehr: Ehr, elsewhere: Ehr) -> Iterator[Seen]:
    """``ehr`` is the client's own; ``elsewhere`` a server that is nobody's."""
    own = {
        "fhirServer": ehr.base,
        "fhirAuthorization": {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "conformance",
            "patient": tried.body.get("context", {}).get("patientId", PATIENT),
        },
    }
    ehr.restart()
    answer = target.post(tried.path, tried.again(prefetch=..., **own))
    if not ehr.asked:
        for row in _ROWS:
            yield untestable(
                row, f"the service did not call {ehr.base}: over plain HTTP it may only in development"
            )
    else:
        yield expect("P2", answer.ok, f"with a FHIR server and no prefetch: {answer.status}")
        carried = all(asked.authorization == f"Bearer {ACCESS_TOKEN}" for asked in ehr.asked)
        yield expect("P8", carried, "a FHIR call without the access token")
        yield from _with_prefetch(target, tried, ehr, own)
        yield from _pages(target, tried, ehr, elsewhere, own)
        yield from _failures(target, tried, ehr, own)
    yield from _strange_server(target, tried, elsewhere, own)


def _with_prefetch(target: Target, tried: Tried, ehr: Ehr, own: dict[str, Any]) -> Iterator[Seen]:
    """P5 and P7: what was said to be empty is not asked for; what is missing is."""
    prefetch = tried.body.get("prefetch") or {}
    ehr.restart()
    target.post(tried.path, tried.again(prefetch=dict.fromkeys(prefetch), **own))
    asked = sorted({one.kind for one in ehr.asked} & {_kind(value) for value in _templates(tried).values()})
    yield expect("P5", not asked, f"null under its key, and yet asked for: {', '.join(asked)}")
    ehr.restart()
    kept = dict(list(prefetch.items())[1:])
    answer = target.post(tried.path, tried.again(prefetch=kept, **own))
    yield expect("P7", answer.ok, f"with one key left to the FHIR server: {answer.status}")


def _templates(tried: Tried) -> dict[str, Any]:
    return tried.body.get("prefetch") or {}


def _kind(value: Any) -> str:
    """The type a prefetch value is the list of, by its self link."""
    if not isinstance(value, dict):
        return ""
    for link in value.get("link", []):
        if link.get("relation") == "self":
            return str(link.get("url", "")).rsplit("/", 1)[-1].split("?")[0]
    return str(value.get("resourceType", ""))


def _pages(target: Target, tried: Tried, ehr: Ehr, elsewhere: Ehr, own: dict[str, Any]) -> Iterator[Seen]:
    """P6: a page on another origin is not read, one on the same is."""
    elsewhere.restart()
    ehr.restart(next_link=f"{elsewhere.base}/Observation?page=2")
    answer = target.post(tried.path, tried.again(prefetch=..., **own))
    yield expect("P6", not elsewhere.asked, "a next link to another origin was followed")
    yield expect("P6", answer.status in (200, 412), f"a next link to another origin: {answer.status}")
    ehr.restart(next_link=f"{ehr.base}/Observation?page=2")
    target.post(tried.path, tried.again(prefetch=..., **own))
    yield expect("P6", any("page=2" in one.path for one in ehr.asked), "a next link was not followed")


def _failures(target: Target, tried: Tried, ehr: Ehr, own: dict[str, Any]) -> Iterator[Seen]:
    for status in (401, 403, 404, 500):
        ehr.restart(status)
        answer = target.post(tried.path, tried.again(prefetch=..., **own))
        fine = answer.status in (200, 412)
        yield expect("P11", fine, f"a FHIR server that says {status}: {answer.status}, expected 200 or 412")
    ehr.restart()


def _strange_server(target: Target, tried: Tried, elsewhere: Ehr, own: dict[str, Any]) -> Iterator[Seen]:
    """A16 needs a client that is known: without a key nobody's servers are registered."""
    if target.signer is None:
        yield not_applicable(
            "A16", "calls without a token are answered: no client, so no list of its servers"
        )
        return
    elsewhere.restart()
    target.post(tried.path, tried.again(prefetch=..., **{**own, "fhirServer": elsewhere.base}))
    yield expect("A16", not elsewhere.asked, "a FHIR server that is not the client's was called")
