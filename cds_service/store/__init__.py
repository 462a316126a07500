"""The store: what was shown, and what was done with it.

::

    store = Store(settings, metrics)
    card = store.ids.card(client, tenant)        # a uuid that proves itself on any replica
    store.record([ServedCard(card=card, ...)])   # journaled before the answer goes out; never raises
    store.keep(service, items, call)             # feedback: durable when it returns

    with store.reading() as connection:          # SQLAlchemy; Unavailable when the database is down
        connection.execute(select(cards).join(feedback, feedback.c.card == cards.c.card))

The tables stand in :mod:`~cds_service.store.schema`: ``cards`` has a row for each card of an answer,
about half a second later (:mod:`~cds_service.store.journal`, :mod:`~cds_service.store.loading`);
``feedback`` one for each outcome, perhaps before its card is there. Both hold ``client`` and
``tenant``, empty for nobody in particular, and moments in UTC.

Nothing of a patient is kept but hashes: ``store.subject(client, tenant, patient_id)`` is what
stands in ``cards.subject``; ``store.hash("order", ...)`` makes the others (``order_hash``, ``fingerprint``).
``mode`` is ``live`` or ``shadow``; ``suppressed`` says why a finding was shown more quietly or not at all.
"""

from cds_service.store.comments import Comments
from cds_service.store.served import ServedCard
from cds_service.store.store import Store

__all__ = ["Comments", "ServedCard", "Store"]
