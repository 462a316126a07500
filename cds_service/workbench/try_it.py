"""The page on which an order is tried: a patient, an order form, and the cards an EHR would show.

Its script asks the service's own routes, as an EHR does, and these helpers for
what needs no second implementation: a draft of the form, a suggestion taken,
cards as HTML. Without scripts the same form is posted and answered here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import flask
import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from cds_service.cds_hooks import (
    HOOKS,
    CallContext,
    Handler,
    encode,
    operation_outcome,
    parse_request,
    request_id,
)
from cds_service.cds_hooks.authentication import Caller
from cds_service.errors import InvalidJSON, InvalidRequest, PayloadTooLarge, ServiceError
from cds_service.knowledge.clinical import Clinical
from cds_service.workbench import basket, orders, patients, shown
from cds_service.workbench.page_caller import caller_of
from cds_service.workbench.suggestions import drugs

Json = dict[str, Any]
FhirVersion = Literal["DSTU2", "STU3", "R4", "R5"]
VERSIONS: tuple[FhirVersion, ...] = ("DSTU2", "STU3", "R4", "R5")
FIRST_SCENARIO = "fibromyalgia-nothing-else"
WHILE_TYPING = "order-select"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the page needs of the application.

    ``decide`` answers without telling anybody (no record, no count); ``keeps``
    says whether the page calls the routes that an EHR calls, where feedback is
    kept, or its own, where nothing is.
    """

    decide: Handler
    now: Callable[[], datetime]
    clinical: Clinical
    keeps: bool
    public_url: str | None
    max_body_bytes: int


class Turn(Struct, rename="camel", kw_only=True):
    """One step on the page: the order as it is in the form, and what was pressed."""

    patient_id: str
    version: FhirVersion = "R4"
    hook: str = WHILE_TYPING
    basket: list[Json] = []
    editing: int = 0
    fields: orders.OrderForm = orders.OrderForm()
    action: str = ""
    actions: list[Json] = []


@dataclass
class Screen:
    """All that the page shows."""

    scenario: str
    bundle: str
    version: str
    hook: str
    dialect: str
    chosen: patients.Chosen
    basket: list[Json]
    editing: int = 0
    changed: tuple[str, ...] = ()
    request: Json | None = None
    answer: Json | None = None
    signed: bool = False
    problem: str = ""
    said: str = ""
    fields: orders.OrderForm = field(default_factory=orders.OrderForm)

    @property
    def order(self) -> Json:
        """The one in the form."""
        return self.basket[self.editing] if self.editing < len(self.basket) else {}


def add_routes(blueprint: flask.Blueprint, trial: Trial) -> None:
    """The page at ``/`` and what its script asks."""

    @blueprint.get("/")
    def try_it() -> str:
        scenario = flask.request.args.get("scenario", FIRST_SCENARIO)
        return _page(trial, _opened(trial, scenario, "", None))

    @blueprint.post("/")
    def try_it_posted() -> str:
        _limit(trial)
        return _page(trial, _answered(trial))

    @blueprint.post("/try/patient")
    def try_patient() -> flask.Response:
        """The chosen patient: prefetch, the orders that come along, and the head of the screen."""
        _limit(trial)
        form = flask.request.form
        version = form.get("version") if form.get("keepVersion") else None
        screen = _opened(trial, form.get("scenario", ""), form.get("bundle", ""), version)
        return _reply(
            patientId=screen.chosen.patient_id,
            prefetch=screen.chosen.prefetch,
            patient=flask.render_template("_patient.html", **_patient(screen)),
            hooks=screen.chosen.hooks,
            **_state(screen),
        )

    @blueprint.post("/try/order")
    def try_order() -> flask.Response:
        """The basket after one step, and the request an EHR would send of it (prefetch is the caller's)."""
        _limit(trial)
        turn = _turn(flask.request.get_data())
        orders_now, editing, changed = take_turn(turn, trial.now())
        request = _request(turn.hook, turn.patient_id, orders_now, editing)
        return _reply(request=request, **_basket(orders_now, editing, changed, turn.version))

    @blueprint.post("/try/cards")
    def try_cards() -> str:
        """The cards of an answer, as HTML."""
        _limit(trial)
        answer = _json(flask.request.get_data())
        return flask.render_template("_cards.html", cards=shown.cards(answer), interactive=True)


# --- steps -----------------------------------------------------------------------------------------


def take_turn(turn: Turn, now: datetime) -> tuple[list[Json], int, tuple[str, ...]]:
    """The basket, the order in the form and the fields that changed, after one step.

    First the form is written into its order; then ``add``, ``edit:N``, ``drop:N`` or a suggestion is done.
    """
    drafts, editing = list(turn.basket), turn.editing
    if 0 <= editing < len(drafts) and _is_medication(drafts[editing]):
        drafts[editing] = orders.write(drafts[editing], turn.fields, turn.version)
    if turn.actions:
        taken = basket.take(drafts, editing, turn.actions)
        return taken.basket, taken.editing, taken.changed
    verb, _, number = turn.action.partition(":")
    index = int(number) if number.isdigit() else 0
    if verb == "add":
        drafts.append(_new(drafts, turn, now))
        return drafts, len(drafts) - 1, ()
    if verb == "edit" and index < len(drafts):
        return drafts, index, ()
    if verb == "drop" and index < len(drafts):
        del drafts[index]
        return drafts, max(0, editing - (index <= editing)), ()
    return drafts, editing, ()


def _is_medication(order: Json) -> bool:
    return order.get("resourceType") in ("MedicationRequest", "MedicationOrder")


def _new(drafts: list[Json], turn: Turn, now: datetime) -> Json:
    used = {order.get("id") for order in drafts}
    number = next(n for n in range(1, len(drafts) + 2) if f"draft-{n}" not in used)
    return orders.blank(number, turn.patient_id, now.isoformat(timespec="seconds"), turn.version)


def _request(hook: str, patient_id: str, drafts: list[Json], editing: int) -> Json:
    """The one in the form is selected. Raises ``InvalidRequest`` for a hook that is none of ours."""
    if hook not in HOOKS:
        raise InvalidRequest("There is no such hook", path="$.hook")
    return basket.request_of(HOOKS[hook], patient_id, drafts, drafts[editing : editing + 1])


# --- without scripts -------------------------------------------------------------------------------


def _answered(trial: Trial) -> Screen:
    """The page after its form was posted; what cannot be done is said on it."""
    form = flask.request.form
    version = form.get("version", "")
    try:
        screen = _opened(trial, form.get("scenario", ""), form.get("bundle", ""), version or None)
    except ServiceError as error:
        screen = _opened(trial, FIRST_SCENARIO, "", None)
        return replace(screen, problem=error.diagnostics, bundle=form.get("bundle", ""))
    action = form.get("action", "ask")
    screen = replace(screen, hook=form.get("hook", WHILE_TYPING), dialect=form.get("dialect", "standard"))
    try:
        if action != "choose":
            screen = _stepped(trial, screen, action)
        return screen if action.startswith(("choose", "edit")) else _asked(trial, screen, action)
    except ServiceError as error:
        return replace(screen, problem=error.diagnostics)


def _stepped(trial: Trial, screen: Screen, action: str) -> Screen:
    form = flask.request.form
    fields = {name: form.get(name, "") for name in orders.OrderForm.__struct_fields__}
    turn = msgspec.convert(
        {
            "patientId": screen.chosen.patient_id,
            "version": screen.version,
            "basket": _json(form.get("basket", "[]").encode()),
            "editing": int(form.get("editing", "0")) if form.get("editing", "0").isdigit() else 0,
            "fields": fields,
            "action": action,
            "actions": _json(form.get("take", "[]").encode()),
        },
        Turn,
    )
    drafts, editing, changed = take_turn(turn, trial.now())
    stepped = replace(screen, basket=drafts, editing=editing, changed=changed)
    return replace(stepped, fields=orders.read(stepped.order))


def _asked(trial: Trial, screen: Screen, action: str) -> Screen:
    """With the cards, as the handler gives them."""
    hook = "order-sign" if action == "sign" else screen.hook
    request = _request(hook, screen.chosen.patient_id, screen.basket, screen.editing)
    request["prefetch"] = screen.chosen.prefetch
    base = trial.public_url or (flask.request.url_root if trial.keeps else None)
    caller = Caller(caller_of(screen.dialect))
    call = CallContext(base.rstrip("/") if base else None, request_id(), caller)
    try:
        answer = trial.decide(parse_request(msgspec.json.encode(request), HOOKS[hook]), call)
        body = _json(encode(answer))
    except ServiceError as error:
        body = operation_outcome(error)[1]
        return replace(screen, request=request, answer=body, problem=error.diagnostics)
    return replace(screen, request=request, answer=body, signed=action == "sign")


def readable(value: object) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


# --- what is shown ---------------------------------------------------------------------------------


def _opened(trial: Trial, scenario: str, bundle: str, version: str | None) -> Screen:
    version = version if version in VERSIONS else None
    if bundle.strip():
        scenario, chosen = "", patients.of_bundle(bundle, version)
    else:
        chosen = patients.of_scenario(scenario or FIRST_SCENARIO, version, trial.now())
    drafts = chosen.orders or [
        orders.blank(1, chosen.patient_id, trial.now().isoformat(timespec="seconds"), chosen.version)
    ]
    hook = chosen.hooks[0] if chosen.hooks and WHILE_TYPING not in chosen.hooks else WHILE_TYPING
    screen = Screen(scenario, bundle, chosen.version, hook, "standard", chosen, drafts, chosen.selected)
    return replace(screen, fields=orders.read(screen.order))


def _page(trial: Trial, screen: Screen) -> str:
    return flask.render_template(
        "try.html",
        screen=screen,
        keeps=trial.keeps,
        groups=patients.scenario_groups(),
        versions=VERSIONS,
        hooks=tuple(HOOKS),
        frequencies=[(code, words) for code, (words, _) in orders.FREQUENCIES.items()],
        drugs=drugs(trial.clinical),
        cards=shown.cards(screen.answer),
        interactive=False,
        readable=readable,
        **_patient(screen),
        **_listed(screen.basket, screen.editing),
    )


def _patient(screen: Screen) -> Json:
    return {"banner": patients.banner(screen.chosen), "shows": screen.chosen.shows}


def _state(screen: Screen) -> Json:
    return {**_basket(screen.basket, screen.editing, (), screen.version), "hook": screen.hook}


def _basket(drafts: list[Json], editing: int, changed: tuple[str, ...], version: str) -> Json:
    order = drafts[editing] if editing < len(drafts) else {}
    return {
        "basket": drafts,
        "editing": editing,
        "version": version,
        "fields": asdict(orders.read(order)),
        "changed": changed,
        "html": flask.render_template("_basket.html", **_listed(drafts, editing)),
    }


def _listed(drafts: list[Json], editing: int) -> Json:
    listed = [
        {"name": basket.name(order), "steps": orders.steps(order), "supply": orders.supply_in_words(order),
         "form": _is_medication(order)}
        for order in drafts
    ]  # fmt: skip
    return {"listed": listed, "editing": editing}


def _reply(**members: Any) -> flask.Response:
    """JSON with the elements in their own order: an order is read from its type and id on."""
    return flask.Response(msgspec.json.encode(members), content_type="application/json")


# --- bodies ----------------------------------------------------------------------------------------


def _limit(trial: Trial) -> None:
    """As large as a call of an EHR may be."""
    flask.request.max_content_length = trial.max_body_bytes
    flask.request.max_form_memory_size = trial.max_body_bytes
    if (flask.request.content_length or 0) > trial.max_body_bytes:
        raise PayloadTooLarge("The body is too large")


def _turn(body: bytes) -> Turn:
    try:
        return msgspec.json.decode(body, type=Turn)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJSON("The body is not JSON") from error


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJSON("The body is not JSON") from error
