"""Answers that never change, remembered without the words they were asked with.

What a code or a name means is the same for every patient, so a question is worked out once. The
words may be a patient's all the same: what is kept is Python's keyed hash of them, another in each
process, and the answer, which is ours. Two of so many questions share a hash once in 10**14.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

A = TypeVar("A")

MOST_REMEMBERED = 50_000
"""Then everything is forgotten: what comes often is soon remembered again."""


class Memory(Generic[A]):
    """The answers to one kind of question."""

    def __init__(self) -> None:
        self._answers: dict[int, A] = {}

    def recall(self, question: Hashable) -> A | None:
        """The answer if it is remembered."""
        return self._answers.get(hash(question))

    def ask(self, question: Hashable, work_out: Callable[[], A]) -> A:
        """The answer, worked out when it is not remembered."""
        key = hash(question)
        found = self._answers.get(key)
        if found is None:
            found = work_out()
            if len(self._answers) >= MOST_REMEMBERED:
                self._answers.clear()
            self._answers[key] = found
        return found

    def forget(self) -> None:
        """The knowledge has changed."""
        self._answers.clear()

    def __len__(self) -> int:
        return len(self._answers)
