"""How useful the cards are: shown, taken, overridden, ignored; by topic, rule, client, hook and period.

:mod:`~cds_service.reports.counting` asks the store, :mod:`~cds_service.reports.masking` hides small
numbers, :mod:`~cds_service.reports.report` puts both together for the page, the files and the command line.
"""

from cds_service.reports.report import GROUPS, Report, make_report

__all__ = ["GROUPS", "Report", "make_report"]
