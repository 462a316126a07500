"""The moment of decision, and FHIR dates counted from it."""

from __future__ import annotations

from datetime import date, tzinfo

from msgspec import Struct

from cds_service.chart.showing import day, month
from cds_service.fhir.dates import Span, read_date

# Records write 9999-12-31 for "no end" and 0001-01-01 for "not known": from these days on and
# before them nothing is told apart, and no interval can be counted past what a date can hold.
_FIRST, _LAST = date(1000, 1, 1), date(9000, 1, 1)


def _countable(when: date) -> date:
    if _FIRST <= when <= _LAST:
        return when
    return _FIRST if when < _FIRST else _LAST


def _as_recorded(span: Span) -> str:
    if span.earliest == span.latest:
        return day(span.latest)
    same_month = span.earliest.month == span.latest.month
    return month(span.latest) if same_month else str(span.latest.year)


class Clock(Struct, frozen=True):
    """The moment of decision: the site's date, and the zone in which days are counted."""

    today: date
    zone: tzinfo

    def latest(self, *texts: str | None) -> date | None:
        """The last day any of ``texts`` can mean."""
        days = [span.latest for text in texts if text and (span := read_date(text, self.zone))]
        return _countable(max(days)) if days else None

    def earliest(self, *texts: str | None) -> date | None:
        """The first day any of ``texts`` can mean."""
        days = [span.earliest for text in texts if text and (span := read_date(text, self.zone))]
        return _countable(min(days)) if days else None

    def shown(self, *texts: str | None) -> str:
        """The first readable of ``texts`` as it was recorded: a partial date stays partial."""
        for text in texts:
            if text and (span := read_date(text, self.zone)):
                return _as_recorded(span)
        return ""

    def not_after_today(self, when: date | None) -> date | None:
        """``when``, at the latest today."""
        return min(when, self.today) if when else None
