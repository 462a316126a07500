"""How long what was shown and said is kept.

A card goes together with its feedback. Comments, where they are kept at all, may go earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select, update

from cds_service.store.schema import cards, feedback, snooze_lifts

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went, or would go; of ``comments`` the rows stayed."""

    cards: int
    feedback: int
    comments: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What is older than these moments goes."""

    before: datetime
    comments_before: datetime

    @classmethod
    def at(cls, now: datetime, days: int, comment_days: int) -> Limits:
        """``days`` and ``comment_days`` before ``now``; comments go with their feedback at the latest."""
        before = now - timedelta(days=days)
        return cls(before, max(before, now - timedelta(days=comment_days)))

    @property
    def old_cards(self) -> ColumnElement[bool]:
        """The cards that go."""
        return cards.c.shown < self.before

    @property
    def old_feedback(self) -> ColumnElement[bool]:
        """The feedback that goes: with its card, and without one by its own age."""
        return or_(
            feedback.c.card.in_(select(cards.c.card).where(self.old_cards)),
            feedback.c.received < self.before,
        )

    @property
    def old_comments(self) -> ColumnElement[bool]:
        """The feedback that loses its comment."""
        return and_(feedback.c.comment.is_not(None), feedback.c.received < self.comments_before)


def count_old(engine: Engine, limits: Limits) -> Purged:
    """What :func:`purge` would do now."""
    wanted = (
        select(func.count()).select_from(cards).where(limits.old_cards),
        select(func.count()).select_from(feedback).where(limits.old_feedback),
        select(func.count()).select_from(feedback).where(limits.old_comments, ~limits.old_feedback),
    )
    with engine.connect() as connection:
        return Purged(*(connection.scalar(query) or 0 for query in wanted))


def purge(engine: Engine, limits: Limits, on_step: Callable[[int], None] = lambda cards_gone: None) -> Purged:
    """Remove what is old, in steps that keep nobody waiting. Raises ``SQLAlchemyError``.

    :param on_step: hears how many cards have gone.
    """
    gone = Purged(0, 0, 0)
    while True:
        step = _purge_some(engine, limits)
        gone = Purged(gone.cards + step.cards, gone.feedback + step.feedback, 0)
        on_step(gone.cards)
        if step.cards < _AT_A_TIME:
            break
    with engine.execution_options(immediate=True).begin() as connection:
        alone = connection.execute(delete(feedback).where(feedback.c.received < limits.before)).rowcount
        silenced = connection.execute(
            update(feedback).where(limits.old_comments).values(comment=None)
        ).rowcount
    return Purged(gone.cards, gone.feedback + alone, silenced)


def _purge_some(engine: Engine, limits: Limits) -> Purged:
    oldest = select(cards.c.card).where(limits.old_cards).order_by(cards.c.shown).limit(_AT_A_TIME)
    with engine.execution_options(immediate=True).begin() as connection:
        some = connection.scalars(oldest).all()
        connection.execute(delete(snooze_lifts).where(snooze_lifts.c.card.in_(some)))
        said = connection.execute(delete(feedback).where(feedback.c.card.in_(some))).rowcount
        shown = connection.execute(delete(cards).where(cards.c.card.in_(some))).rowcount
    return Purged(shown, said, 0)
