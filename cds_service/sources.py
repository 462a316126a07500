"""Where a patient's record comes from for one request: prefetch, then the EHR's FHIR server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import inf
from zoneinfo import ZoneInfo

from cds_service.cds_hooks import FhirAuthorization, HookRequest
from cds_service.cds_hooks.authentication import Client
from cds_service.chart.baskets import Concern, Draft
from cds_service.drafts import Version
from cds_service.fhir import (
    CircuitBreaker,
    ClientOptions,
    Deadline,
    FhirAccess,
    FhirClient,
    GatherOptions,
    PatientRecord,
    Query,
    gather,
    standard_queries,
)
from cds_service.fhir.sketches import EVERYTHING, Needed
from cds_service.outbound import ANYWHERE, PUBLIC, Reach
from cds_service.settings import Settings

_log = logging.getLogger(__name__)

# What the rules read of observations: pregnancy status, breast-feeding, due dates, gestation,
# pregnancy tests, opioid screens, confirmed amounts of common opioids, ALT, AST, eGFR. A template
# keeps to the common codes; a list that holds more is read too.
OBSERVATION_CODES = (
    "82810-3", "63895-7", "11778-8", "11779-6", "11780-4", "49051-6", "11884-4",
    "2106-3", "2110-5", "2112-1", "2118-8", "80384-1", "80385-8",
    "19295-5", "18390-5", "3879-4", "21431-2", "70151-6",
    "16246-1", "16249-5", "16250-3", "16251-1", "16252-9", "16998-7", "17395-5", "49752-9",
    "1742-6", "1743-4", "1744-2", "76625-3", "1920-8", "30239-8", "88112-8",
    "48642-3", "48643-1", "50044-7", "50210-4", "62238-1", "69405-9", "70969-1", "77147-7", "88293-6",
    "88294-4", "94677-2", "98979-8", "98980-6",
)  # fmt: skip

_ONLY_FOR_NALTREXONE = {"AllergyIntolerance", "Observation", "Patient"}
OBSERVATION_SEARCH = "&code=" + ",".join(f"http://loinc.org|{code}" for code in OBSERVATION_CODES)


@dataclass(frozen=True, slots=True)
class Sources:
    """How this site reads: the shared HTTP client, the budget in seconds, the zone days are counted in."""

    client: FhirClient
    budget: float
    zone: ZoneInfo
    options: GatherOptions
    further: tuple[str, ...] = ()
    development: bool = False
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        release: str,
        on_change: Callable[[str, bool], object] = lambda host, is_open: None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Sources:
        """The sources of ``settings``; ``release`` is named to the servers asked.

        :param on_change: hears which FHIR servers stop and start to answer.
        :param waiting: entered while a request does nothing but wait for them.
        """
        breaker = CircuitBreaker(failures=settings.fhir_failures, on_change=on_change)
        options = ClientOptions(
            user_agent=f"ldn-cds/{release}",
            guard=breaker,
            verify=settings.verify,
            parallel=settings.fhir_parallel,
            threads=3 * settings.fhir_parallel,
        )
        return cls(
            client=FhirClient(options),
            breaker=breaker,
            budget=settings.time_budget_ms / 1000,
            zone=settings.zone,
            options=GatherOptions(
                keys=settings.prefetch_keys,
                allow_open_servers=settings.development or settings.allow_open_fhir,
                max_resources=settings.max_entries,
                waiting=waiting,
            ),
            further=settings.fetch_kinds,
            development=settings.development,
        )

    def gather(
        self,
        request: HookRequest,
        version: Version,
        drafts: Sequence[Draft],
        needs: Concern,
        client: Client | None = None,
        needed: Needed = EVERYTHING,
    ) -> PatientRecord:
        """What the orders need and can be known within the budget, and what could not.

        :param client: who asks; its own budget, keys and lists go before the site's.
        :param needed: which resources are to be read in full.
        """
        return gather(
            request.patient_id,
            request.prefetch,
            [draft.resource for draft in drafts if draft.resource],
            server=self._access(request, client),
            wanted=self._queries(version, needs, client),
            deadline=Deadline(min(self._budget(client), _lifetime(request.authorization))),
            options=self._options(client),
            needed=needed,
        )

    def servers(self) -> dict[str, bool]:
        """The hosts of the FHIR servers called of late; true for one that does not answer."""
        return self.breaker.hosts()

    def _access(self, request: HookRequest, client: Client | None) -> FhirAccess | None:
        """Any server in development, else those the client is registered with."""
        if request.fhir_server is None:
            return None
        given = request.authorization
        expired = given is not None and given.expired
        if expired:
            _log.warning("the access token of the request has expired; it is not used")
        token = None if given is None or expired else given.access_token
        bases = None if self.development else client.fhir_servers if client else ()
        access = self.client.access(request.fhir_server, token, self._reach(client), bases, expired=expired)
        if not access.allowed:
            _log.warning("fhirServer is not registered for client %s", client.id if client else "unknown")
        return access

    def _reach(self, client: Client | None) -> Reach:
        if self.development:
            return ANYWHERE
        return Reach.of(client.private_networks) if client else PUBLIC

    def _budget(self, client: Client | None) -> float:
        own = client.time_budget_ms if client else None
        return self.budget if own is None else own / 1000

    def _options(self, client: Client | None) -> GatherOptions:
        if client is None or not client.prefetch_keys:
            return self.options
        return replace(self.options, keys={**self.options.keys, **client.prefetch_keys})

    def _queries(self, version: Version, needs: Concern, client: Client | None) -> tuple[Query, ...]:
        if needs is Concern.NONE:
            return ()
        kinds = dict.fromkeys((*self.further, *(client.fetch_kinds if client else ())))
        further = (Query(kind, kind, f"{kind}?patient={{{{context.patientId}}}}") for kind in kinds)
        queries = (*standard_queries(version, OBSERVATION_SEARCH), *further)
        if needs is Concern.EVERYTHING:
            return queries
        return tuple(query for query in queries if query.resource_type not in _ONLY_FOR_NALTREXONE)


def _lifetime(authorization: FhirAuthorization | None) -> float:
    """Seconds for which the token may be used; endless when there is none to be used, or none is said."""
    if authorization is None or authorization.expires_in is None or authorization.expired:
        return inf
    return authorization.expires_in
