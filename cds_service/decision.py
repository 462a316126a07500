"""One call, one way through: request, record, chart, findings, cards.

:meth:`Decider.answer` is what the HTTP service calls; the clock, the ids and
the FHIR client are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Protocol

from msgspec import Struct

from cds_service.alerts import Alert, as_they_are
from cds_service.cards import Setting, make_cards
from cds_service.cds_hooks import CallContext, Card, CardsResponse, DraftOrder, HookRequest
from cds_service.cds_hooks.authentication import Client
from cds_service.chart import PatientChart
from cds_service.chart.assembly import read_chart
from cds_service.chart.baskets import Concern, Draft, concern, read_drafts
from cds_service.chart.clock import Clock
from cds_service.dialects import for_client
from cds_service.drafts import Version, version_told
from cds_service.errors import DataUnavailable
from cds_service.fhir import PatientRecord
from cds_service.fhir.records import Fetched
from cds_service.fhir.sketches import EVERYTHING, Needed
from cds_service.fhir.versions import version_of_record
from cds_service.knowledge.clinical import Clinical
from cds_service.rules import Finding, Indicator, decide
from cds_service.rules.not_checked import MEDICATION_KINDS, gap_in_words
from cds_service.sources import Sources
from cds_service.store.card_ids import CardIds


class Ids(Protocol):
    """Where the uuids of cards and suggestions come from."""

    def card(self, client: str, tenant: str) -> str: ...

    def suggestion(self, card: str, number: int) -> str: ...


class Decision(Struct, frozen=True, gc=False):
    """What may be told of one answer: counts, reasons and times, nothing of the patient."""

    findings: Sequence[Finding] = ()
    resources: int = 0
    """Read, from prefetch and server."""
    gaps: Mapping[tuple[str, str], int] = {}
    """What could not be read, counted by resource type and reason."""
    gather_ms: float = 0.0
    """Reading prefetch and server."""
    decide_ms: float = 0.0
    """Chart and rules."""
    fetches: Sequence[Fetched] = ()
    """What the FHIR server was asked for."""
    held_back: Mapping[str, int] = {}
    """Findings that were decided and not shown, by why: in shadow, repeated, snoozed."""


Recording = Callable[[HookRequest, CallContext, Sequence[Alert], Sequence[Card]], None]
"""Takes the cards of an answer, those not shown included, each with the alert at its place."""

Attending = Callable[[HookRequest, CallContext, PatientChart, Sequence[Finding]], Sequence[Alert]]
"""Says of each finding how it is to be shown, and whether."""


class Workings(Struct, frozen=True, kw_only=True):
    """One decision with all it was made of, the patient's data included: for whoever asks why.

    ``record`` and ``chart`` are None when no order to judge needed them. ``told_version`` is the one the
    drafts' shape tells, if any; ``refusal`` says why the answer is 412 and no cards.
    """

    request: HookRequest
    call: CallContext
    clock: Clock
    drafts: Sequence[Draft]
    needs: Concern
    told_version: Version | None = None
    record: PatientRecord | None = None
    chart: PatientChart | None = None
    refusal: str | None = None
    alerts: Sequence[Alert] = ()
    decision: Decision = Decision()


@dataclass(frozen=True, slots=True)
class Decider:
    """Everything a decision needs besides the request: figures, FHIR sources, clock, ids."""

    clinical: Clinical
    sources: Sources
    now: Callable[[], datetime]
    ids: Ids = field(default_factory=CardIds.of_the_moment)
    observe: Callable[[HookRequest, Decision], None] = field(default=lambda request, decision: None)
    needed: Needed = field(default_factory=lambda: EVERYTHING)
    """Which resources can matter to a rule; a decision that is watched reads them all."""
    attend: Attending = as_they_are
    """Knows what was said before; a replay does not."""
    record: Recording = field(default=lambda request, call, alerts, cards: None)
    """Hears what is about to be shown; it neither raises nor waits."""
    watch: Callable[[Workings], None] | None = None
    """Sees how each decision came about; a replay sets it, the service does not."""

    def answer(self, request: HookRequest, call: CallContext) -> CardsResponse:
        """The cards for ``request``.

        Raises :class:`~cds_service.errors.DataUnavailable` (412) when an order to judge
        holds naltrexone or an opioid, no medication list could be had, and the
        basket alone proves nothing critical.
        """
        drafts = read_drafts(request.orders)
        needs = concern(drafts, self.clinical)
        if needs is Concern.NONE and not request.unreadable:
            self.observe(request, Decision())
            if self.watch:
                clock = self._clock()
                self.watch(Workings(request=request, call=call, clock=clock, drafts=drafts, needs=needs))
            return CardsResponse(cards=[])
        work = self._judge(request, call, drafts, needs)
        self.observe(request, work.decision)
        if self.watch:
            self.watch(work)
        if work.refusal:
            raise DataUnavailable(work.refusal)
        return CardsResponse(cards=self._cards(work))

    def _judge(
        self, request: HookRequest, call: CallContext, drafts: Sequence[Draft], needs: Concern
    ) -> Workings:
        """Record, chart, findings, and how each finding is to be shown."""
        clock, version, client = self._clock(), client_version(request.orders), _client(call)
        needed = EVERYTHING if self.watch else self.needed
        began = perf_counter()
        record = self.sources.gather(request, version or Version.R4, drafts, needs, client, needed)
        read = perf_counter()
        chart = read_chart(drafts, record, clock, self.clinical, request.unreadable)
        findings = decide(chart, self.clinical)
        refused = _is_blind(chart, record) and not (_in_shadow(client) or _is_proven(findings, self.clinical))
        alerts = [] if refused else self.attend(request, call, chart, findings)
        told = _told(alerts, record, read - began, perf_counter() - read)
        return Workings(
            request=request,
            call=call,
            clock=clock,
            drafts=drafts,
            needs=needs,
            told_version=version,
            record=record,
            chart=chart,
            refusal=_why_blind(chart) if refused else None,
            alerts=alerts,
            decision=told,
        )

    def _cards(self, work: Workings) -> list[Card]:
        """The cards that are shown, once all of them have been recorded."""
        made = make_cards([alert.finding for alert in work.alerts], self._setting(work))
        cards = for_client(made, _client(work.call))
        self.record(work.request, work.call, work.alerts, cards)
        return [card for alert, card in zip(work.alerts, cards, strict=True) if alert.is_shown]

    def _setting(self, work: Workings) -> Setting:
        request, call = work.request, work.call
        version = work.told_version or (version_of_record(work.record) if work.record else None)
        return Setting(
            patient_id=request.patient_id,
            today=work.clock.today,
            drafts={draft.path: draft.raw for draft in request.orders},
            clinical=self.clinical,
            new_id=partial(self.ids.card, call.client or "", call.tenant or ""),
            suggestion_id=self.ids.suggestion,
            base_url=call.base_url,
            version_hint=Version(version or Version.R4),
        )

    def _clock(self) -> Clock:
        now = self.now().astimezone(self.sources.zone)
        return Clock(now.date(), self.sources.zone)


def _client(call: CallContext) -> Client | None:
    return call.caller.client if call.caller else None


def _told(alerts: Sequence[Alert], record: PatientRecord, gather: float, decide: float) -> Decision:
    gaps: dict[tuple[str, str], int] = {}
    for gap in record.gaps:
        what = gap.kind, gap.reason.value
        gaps[what] = gaps.get(what, 0) + 1
    shown: list[Finding] = []
    held_back: dict[str, int] = {}
    for alert in alerts:
        if alert.is_shown:
            shown.append(alert.finding)
        else:
            why = str(alert.hush or alert.mode)
            held_back[why] = held_back.get(why, 0) + 1
    return Decision(shown, record.size(), gaps, gather * 1000, decide * 1000, record.fetches, held_back)


def client_version(orders: Iterable[DraftOrder]) -> Version | None:
    """The FHIR version of the first draft whose shape tells; None when none does."""
    for order in orders:
        if order.resource_type in _ORDER_TYPES and (version := version_told(order.content)):
            return version
    return None


_ORDER_TYPES = {"MedicationRequest", "MedicationOrder"}


def _why_blind(chart: PatientChart) -> str:
    """For whoever must mend it: which list, and why not. The words of the card that would have told it."""
    why = dict.fromkeys(gap_in_words(gap) for gap in chart.gaps if gap.kind in MEDICATION_KINDS)
    return ". ".join(("No medication list could be read, from prefetch or from the FHIR server", *why))


def _is_blind(chart: PatientChart, record: PatientRecord) -> bool:
    """An order to judge needs the medications, and no list of any kind was had.

    The answer is then 412, unless what could be read proves a critical card or the client is in shadow.
    """
    if not record.lists.isdisjoint(MEDICATION_KINDS):
        return False
    return any(order.medicine.is_opioid or order.medicine.is_naltrexone for order in chart.judged())


def _in_shadow(client: Client | None) -> bool:
    """Such a client is shown nothing, errors neither: what could not be read is recorded as a finding."""
    return client is not None and client.shadow


def _is_proven(findings: Sequence[Finding], clinical: Clinical) -> bool:
    """Whether the basket alone shows a critical card; one in shadow is shown to nobody."""
    shown = (finding for finding in findings if finding.topic.value not in clinical.unseen)
    return any(finding.indicator is Indicator.CRITICAL for finding in shown)
