"""What is wrong with a message, rule by rule: for tests, for reports at run time, and for tools.

Each function takes decoded JSON and returns every violation it finds, the
trial-use and best-practice rules included. Nothing is refused here; refusing is
the business of the parsers.
"""

from cds_service.cds_hooks.validation.checks import Violation
from cds_service.cds_hooks.validation.discovery import validate_discovery
from cds_service.cds_hooks.validation.requests import validate_feedback, validate_request
from cds_service.cds_hooks.validation.responses import validate_response

__all__ = ["Violation", "validate_discovery", "validate_feedback", "validate_request", "validate_response"]
