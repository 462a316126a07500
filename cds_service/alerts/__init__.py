"""Fewer needless alerts: what was overridden with a reason is not said again as loudly.

:class:`~cds_service.alerts.attention.Attention` stands between the rules and the cards. What it decides
is pure (:mod:`~cds_service.alerts.quieting`); what prescribers have said before comes from the store
(:mod:`~cds_service.alerts.overrides`). docs/alerts.md has it in words.
"""

from cds_service.alerts.alert import Alert, Hush, Override
from cds_service.alerts.attention import Attention, as_they_are

__all__ = ["Alert", "Attention", "Hush", "Override", "as_they_are"]
