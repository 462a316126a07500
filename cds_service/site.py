"""The clinical content in force at a site: shipped knowledge, its own figures and codes, who signed."""

from __future__ import annotations

import logging
from pathlib import Path

from cds_service.knowledge import VERSION as KNOWLEDGE_VERSION
from cds_service.knowledge.clinical import Clinical, load_clinical
from cds_service.knowledge.review import is_name, review_state
from cds_service.knowledge.site_knowledge import add_site_knowledge
from cds_service.settings import Settings

_log = logging.getLogger(__name__)


def load_knowledge(settings: Settings) -> tuple[Clinical, str]:
    """The figures in force and the version of all knowledge, the site's own codes included.

    Raises ``ValueError`` when the site's files do not fit.
    """
    clinical = load_clinical(Path(settings.site_file) if settings.site_file else None)
    if settings.knowledge_dir:
        return clinical, f"{KNOWLEDGE_VERSION}+{_add_site_codes(Path(settings.knowledge_dir))}"
    return clinical, KNOWLEDGE_VERSION


def _add_site_codes(folder: Path) -> str:
    """Their version. Raises ``ValueError`` naming every file and row that cannot be read."""
    added = add_site_knowledge(folder)
    _log.info("site knowledge %s: %d codes added", added.version, added.added)
    for place in added.kept:
        _log.warning("site knowledge: %s is known otherwise; the shipped meaning stays", place)
    return added.version


def is_signed(settings: Settings, clinical: Clinical) -> bool:
    """Production asks for a reviewer's name, or for the decision to go without."""
    reviewer = clinical.review.reviewer
    if settings.development or settings.allow_unreviewed or is_name(reviewer):
        return True
    words = review_state(reviewer).words()
    _log.error("%s: every call is refused (ALLOW_UNREVIEWED=true overrides)", words)
    return False
