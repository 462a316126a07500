"""Services and the discovery document (conformance section 2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cds_service.cds_hooks.authentication import Caller
from cds_service.cds_hooks.hooks import Hook
from cds_service.cds_hooks.prefetch_templates import check_templates
from cds_service.cds_hooks.request import HookRequest
from cds_service.cds_hooks.response import CardsResponse

SPECIFICATION_VERSION = "3.0.0"
_ID = re.compile(r"[A-Za-z0-9._~-]+")


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a handler may know of the call besides the request.

    ``base_url`` is the absolute public URL that links start with, without a
    slash at the end; ``None`` means that no link can be made. ``caller`` is
    who the application's authentication says is calling, ``None`` for nobody
    in particular.
    """

    base_url: str | None
    request_id: str
    caller: Caller | None = None

    @property
    def client(self) -> str | None:
        """The registered id of the client that calls."""
        return self.caller.client.id if self.caller else None

    @property
    def tenant(self) -> str | None:
        """The tenant its token names."""
        return self.caller.tenant if self.caller else None


Handler = Callable[[HookRequest, CallContext], CardsResponse]


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS service, checked when it is made (D3 to D9): a wrong one raises ``ValueError``.

    ``trial_use_prefetch`` opts in to tokens that only 3.0 clients resolve (D8, D9).
    """

    id: str
    hook: Hook
    title: str
    description: str
    handler: Handler
    usage_requirements: str | None = None
    prefetch: Mapping[str, str] = field(default_factory=dict)
    trial_use_prefetch: bool = False

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"Service id {self.id!r} cannot stand in a URL (D3)")
        if not self.description or not self.title:
            raise ValueError(f"Service {self.id} needs a title and a description (D3, D4)")
        defects = check_templates(self.prefetch, self.hook, trial_use=self.trial_use_prefetch)
        if defects:
            raise ValueError(f"Prefetch of service {self.id}: " + "; ".join(defects))


def discovery_document(services: Iterable[Service], *, version: str = SPECIFICATION_VERSION) -> bytes:
    """The answer of ``GET /cds-services``; ``services`` is always there (D2), nothing else empty (T4)."""
    return msgspec.json.encode({"services": [_describe(service, version) for service in services]})


def entity_tag(document: bytes) -> str:
    """A strong ETag value, so that a client notices changed prefetch templates (D15)."""
    return hashlib.sha256(document).hexdigest()[:32]


def _describe(service: Service, version: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "hook": service.hook.name,
        "title": service.title,
        "description": service.description,
        "id": service.id,
        "prefetch": dict(service.prefetch),
        "usageRequirements": service.usage_requirements,
        "version": version,
        "hookVersion": service.hook.version,
    }
    return {name: value for name, value in described.items() if value}
