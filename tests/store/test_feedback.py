"""Feedback is kept once, for one's own cards, before and after they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cds_service.cds_hooks import ORDER_SIGN, CardsResponse, Coding, FeedbackItem, RefusedItem, Service
from cds_service.errors import Unavailable
from cds_service.metrics import Metrics
from cds_service.settings import Settings
from cds_service.store import Store
from cds_service.store.feedback import NOT_A_CARD, NOT_A_SUGGESTION
from cds_service.store.schema import cards, feedback
from tests.servers import free_port
from tests.store.conftest import NOW, MakeStore, call, said, served

SERVICE = Service("ldn-order-sign", ORDER_SIGN, "t", "d", lambda request, call: CardsResponse(cards=[]))


def keep(
    store: Store, *items: FeedbackItem, client: str = "", tenant: str | None = None
) -> list[RefusedItem]:
    return list(store.keep(SERVICE, items, call(client, tenant)))


def rows(store: Store) -> list[Any]:
    with store.reading() as connection:
        return list(connection.execute(select(feedback).order_by(feedback.c.card, feedback.c.suggestion)))


def test_an_override_with_its_reason(store: Store) -> None:
    card = store.ids.card("general", "t1")
    assert keep(store, said(card), client="general", tenant="t1") == []
    (row,) = rows(store)
    assert (row.card, row.outcome, row.outcome_timestamp) == (card, "overridden", NOW + timedelta(minutes=1))
    assert (row.client, row.tenant, row.service) == ("general", "t1", "ldn-order-sign")
    assert (row.reason_system, row.reason_code, row.suggestion, row.comment) == ("s", "done", "", None)


def test_an_acceptance_has_a_row_for_each_suggestion(store: Store) -> None:
    card = store.ids.card("", "")
    taken = tuple(store.ids.suggestion(card, number) for number in (0, 1))
    assert keep(store, said(card, outcome="accepted", accepted_suggestions=taken)) == []
    assert [row.suggestion for row in rows(store)] == sorted(taken)


def test_it_waits_for_its_card(store: Store) -> None:
    shown = served(store)
    keep(store, said(shown.card))
    joined = select(cards.c.topic, feedback.c.outcome).join(feedback, feedback.c.card == cards.c.card)
    with store.reading() as connection:
        assert connection.execute(joined).all() == []
    store.record([shown])
    store.load()
    with store.reading() as connection:
        assert connection.execute(joined).all() == [("opioid-coprescription", "overridden")]


def test_another_replica_knows_the_card_before_it_is_loaded(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    one.prepare()
    other.prepare()
    assert keep(other, said(one.ids.card("general", "")), client="general") == []


def test_the_same_again_changes_nothing(store: Store) -> None:
    card = store.ids.card("", "")
    for _ in range(3):
        assert keep(store, said(card), said(card, 1)) == []
    assert len(rows(store)) == 1


def test_what_differs_is_kept_beside_it(store: Store) -> None:
    card = store.ids.card("", "")
    later = said(card, 1, outcome_timestamp=NOW + timedelta(days=40))
    taken = said(card, 2, outcome="accepted", accepted_suggestions=(store.ids.suggestion(card, 0),))
    keep(store, said(card), later, taken)
    assert len(rows(store)) == 3


def test_of_many_at_once_each_is_there_once(make_store: MakeStore) -> None:
    workers = [make_store() for _ in range(3)]
    for worker in workers:
        worker.prepare()
    items = [said(workers[0].ids.card("", ""), index) for index in range(40)]
    with ThreadPoolExecutor(9) as pool:
        answers = pool.map(lambda number: keep(workers[number % 3], *items), range(18))
        assert list(answers) == [[]] * 18
    assert [row.card for row in rows(workers[0])] == sorted(item.card for item in items)


def test_a_card_of_nobody_and_of_another_are_refused_alike(store: Store) -> None:
    mine, theirs = store.ids.card("general", "t1"), store.ids.card("other", "t1")
    other_tenant = store.ids.card("general", "t2")
    store.record([served(store, "other", "t1", card=theirs)])
    store.load()
    unknown = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
    items = [said(card, index) for index, card in enumerate([mine, theirs, other_tenant, unknown, "x" * 500])]
    refused = keep(store, *items, client="general", tenant="t1")
    assert refused == [
        RefusedItem(index, f"$.feedback[{index}].card", NOT_A_CARD, "not-found") for index in (1, 2, 3, 4)
    ]
    assert [row.card for row in rows(store)] == [mine]


def test_a_suggestion_of_another_card_is_refused(store: Store) -> None:
    card, other = store.ids.card("", ""), store.ids.card("", "")
    taken = (store.ids.suggestion(card, 0), store.ids.suggestion(other, 0))
    refused = keep(store, said(card, outcome="accepted", accepted_suggestions=taken))
    assert refused == [
        RefusedItem(0, "$.feedback[0].acceptedSuggestions[1].id", NOT_A_SUGGESTION, "not-found")
    ]
    assert rows(store) == []


def test_a_card_made_with_another_key_is_known_once_it_is_loaded(make_store: MakeStore) -> None:
    before = make_store(store_key="the first")
    shown = served(before, "general")
    before.record([shown])
    before.load()
    after = make_store(store_key="the second")
    taken = said(shown.card, outcome="accepted", accepted_suggestions=shown.suggestions[:1])
    assert keep(after, taken, client="general") == []
    assert len(keep(after, said(shown.card), client="other")) == 1
    wrong = said(shown.card, outcome="accepted", accepted_suggestions=("x",))
    assert [r.reason for r in keep(after, wrong, client="general")] == [NOT_A_SUGGESTION]


def test_more_unknown_cards_than_one_question_holds(store: Store) -> None:
    items = [said(f"{number:032x}", number) for number in range(1200)]
    assert len(keep(store, *items)) == 1200


@pytest.mark.parametrize("odd", ["a\0b", "x" * 1_000_000, "", "' or 1=1 --"])
def test_what_is_no_id_at_all_costs_its_neighbours_nothing(store: Store, odd: str) -> None:
    card = store.ids.card("", "")
    (refused,) = keep(store, said(odd), said(card, 1))
    assert (refused.reason, refused.code) == (NOT_A_CARD, "not-found")
    assert [row.card for row in rows(store)] == [card]


def test_capitals_are_the_same_uuid(store: Store) -> None:
    card = store.ids.card("", "")
    taken = (store.ids.suggestion(card, 0).upper(),)
    assert keep(store, said(card.upper(), outcome="accepted", accepted_suggestions=taken)) == []
    assert (rows(store)[0].card, rows(store)[0].suggestion) == (card, taken[0].lower())


def test_odd_reasons_are_kept_as_far_as_they_fit(store: Store) -> None:
    card = store.ids.card("", "")
    assert keep(store, said(card, override_reason=Coding(code="a\x00b" + "c" * 500, system=""))) == []
    assert rows(store)[0].reason_code == ("ab" + "c" * 500)[:200]


def test_items_are_counted(make_store: MakeStore) -> None:
    metrics = Metrics()
    store = make_store(metrics)
    keep(store, said(store.ids.card("", "")), said("x", 1), said("y", 2))
    counted = {
        s.labels["outcome"]: s.value
        for m in metrics.feedback.collect()
        for s in m.samples
        if "_total" in s.name
    }
    assert counted == {"overridden": 1, "not-found": 2}


def test_a_database_that_is_down_is_503_and_nothing_is_said_to_be_kept(tmp_path: Any) -> None:
    for url in (f"postgresql://x@127.0.0.1:{free_port()}/x", "sqlite:////dev/null/x"):
        store = Store(Settings(database_url=url, journal_dir=str(tmp_path / "journal")))
        with pytest.raises(Unavailable) as caught:
            keep(store, said(store.ids.card("", "")))
        assert caught.value.retry_after
        store.record([served(store)])  # the card still goes out, and is in the journal
        assert store.seconds_behind() >= 0
        assert not store.is_up()
        with pytest.raises(Unavailable):
            keep_reading(store)
        store.close()


def keep_reading(store: Store) -> None:
    with store.reading() as connection:
        connection.execute(select(func.count()).select_from(feedback))


def test_one_transaction_for_all_of_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An item that fails takes the whole call with it: nothing is half acknowledged."""
    import cds_service.store.store as module

    really: Callable[..., None] = module.keep

    def keep_and_fail(*given: Any) -> None:
        really(*given)
        raise OSError("disk")

    monkeypatch.setattr(module, "keep", keep_and_fail)
    with pytest.raises(Unavailable):
        keep(store, said(store.ids.card("", "")), said(store.ids.card("", ""), 1))
    assert rows(store) == []
