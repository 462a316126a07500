"""Who has signed the clinical content: tables, figures and sentences."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.knowledge import tables
from cds_service.knowledge.clinical import shipped

UNREVIEWED = "unreviewed"


@dataclass(frozen=True, slots=True)
class ReviewState:
    """What a start in production asks for: nothing unreviewed, or a decision to run without."""

    rows: int
    """Rows of the tables that carry a reviewer."""
    unreviewed_rows: int
    by_table: dict[str, int]
    """Unreviewed rows of each table that has any."""
    figures_reviewer: str | None
    """Who signed the figures (``[review] reviewer`` in clinical.toml or the site's file)."""

    @property
    def reviewed(self) -> bool:
        """Whether figures and every row are signed."""
        return self.figures_reviewer is not None and not self.unreviewed_rows

    def words(self) -> str:
        """One line for a log or a page."""
        figures = (
            f"figures signed by {self.figures_reviewer}" if self.figures_reviewer else "figures unreviewed"
        )
        return f"{self.unreviewed_rows} of {self.rows} clinical rows unreviewed; {figures}"


def review_state(figures_reviewer: str | None = None) -> ReviewState:
    """How much of the clinical content is signed.

    ``figures_reviewer`` is ``Clinical.review.reviewer`` in force; without it, that of the shipped file.
    """
    counts = {name: _reviewers(name) for name in tables.names()}
    unreviewed = {name: named.count(UNREVIEWED) for name, named in counts.items()}
    named = shipped().review.reviewer if figures_reviewer is None else figures_reviewer
    return ReviewState(
        rows=sum(map(len, counts.values())),
        unreviewed_rows=sum(unreviewed.values()),
        by_table={name: count for name, count in unreviewed.items() if count},
        figures_reviewer=named if is_name(named) else None,
    )


def is_name(reviewer: str) -> bool:
    """Whether somebody signed."""
    return reviewer.strip() not in ("", UNREVIEWED)


def _reviewers(table: str) -> list[str]:
    """The reviewer of each row; the list of sources has none."""
    return [row["reviewer"].strip() or UNREVIEWED for row in tables.rows(table) if "reviewer" in row]
