"""A bar on standard error for what takes longer than a moment; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from threading import Event, Thread
from typing import NamedTuple

import click

_PATIENCE = 0.5
_EVERY = 0.1
_WIDEST = 40
_AWAY = "\x1b[1A\x1b[2K"
"""The line above, emptied: click ends a bar with a new line."""


class _Step(NamedTuple):
    words: str
    done: int = 0
    of: int | None = None


class Progress:
    """What is being done, and how much of it."""

    def __init__(self, words: str) -> None:
        self.now = _Step(words)

    def __call__(self, words: str, done: int = 0, of: int | None = None) -> None:
        """``done`` of ``of`` steps; without ``of`` the bar only shows that something happens."""
        self.now = _Step(words, done, of)


@contextmanager
def progress(words: str, *, hidden: bool = False) -> Iterator[Progress]:
    """Draws what is told while the block runs, from half a second on; removed at its end.

    :param hidden: draw nothing, as where standard error is no terminal.
    """
    told = Progress(words)
    if hidden or not sys.stderr.isatty():
        yield told
        return
    over = Event()
    drawing = Thread(target=_draw, args=(told, over), daemon=True)
    drawing.start()
    try:
        yield told
    finally:
        over.set()
        drawing.join()


def _draw(told: Progress, over: Event) -> None:
    """In a thread of its own: what is waited for says nothing while it is waited for."""
    if over.wait(_PATIENCE):
        return
    with click.progressbar(
        repeat(None),
        file=sys.stderr,
        bar_template="[%(bar)s]  %(info)s",
        item_show_func=lambda _: told.now.words[:_WIDEST],
        show_eta=False,
    ) as bar:
        while True:
            step = told.now
            bar.length = step.of
            bar.update(1 if step.of is None else step.done - bar.pos)
            bar.render_progress()
            if over.wait(_EVERY):
                break
    sys.stderr.write(_AWAY)
    sys.stderr.flush()
