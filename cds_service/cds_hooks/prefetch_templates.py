"""Whether a prefetch template stays in the subset every client can answer (D6 to D9).

https://cds-hooks.hl7.org/ "Prefetch query restrictions". What a search
parameter means (token or date) is not known here, so the check is of form:
interactions, tokens, modifiers, prefixes and control parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cds_service.cds_hooks.hooks import Hook

USER_TOKENS = frozenset(
    {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
)
_CONTROL_PARAMETERS = frozenset({"_count", "_maxresults", "_sort"})
_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_TODAY = re.compile(r"today\(\)( [+-] \d+ days)?")
_READ = re.compile(r"[A-Z][A-Za-z]+/(?:[A-Za-z0-9.-]{1,64}|\0)|\0")
_TYPE = re.compile(r"[A-Z][A-Za-z]+")
_PARAMETER = re.compile(r"(_?[a-z][A-Za-z0-9-]*)(?::([A-Za-z-]+))?=(.+)")
_FOREIGN_PREFIX = re.compile(r"(?:ne|sa|eb|ap)(?:\d{4}|\0)")
_PREFIX_KEY = re.compile(r"%([A-Za-z][A-Za-z0-9_-]*)")


def check_templates(prefetch: Mapping[str, str], hook: Hook, *, trial_use: bool = False) -> list[str]:
    """What is wrong with the templates, in words; nothing if all are portable.

    ``trial_use`` allows ``today()`` (D8) and ``%key`` tokens naming an earlier
    read (D9): clients older than 3.0 leave those unresolved.
    """
    defects: list[str] = []
    reads: set[str] = set()
    for key, template in prefetch.items():
        found = _token_defects(template, hook, reads if trial_use else None)
        found += _query_defects(_TOKEN.sub("\0", template))
        defects += [f"{key}: {defect}" for defect in found]
        if "?" not in template:
            reads.add(key)
    return defects


def _token_defects(template: str, hook: Hook, reads: set[str] | None) -> list[str]:
    defects = []
    for token in _TOKEN.findall(template):
        name = token.strip()
        if name in USER_TOKENS or name.removeprefix("context.") in hook.prefetch_tokens and "." in name:
            continue
        if reads is not None and (_TODAY.fullmatch(name) or _names_earlier_read(name, reads)):
            continue
        defects.append(f"token {{{{{name}}}}} is not one of {hook.name} (D7)")
    if "{{" in _TOKEN.sub("", template) or "}}" in _TOKEN.sub("", template):
        defects.append("unbalanced token braces (D7)")
    return defects


def _names_earlier_read(name: str, reads: set[str]) -> bool:
    found = _PREFIX_KEY.match(name)
    return found is not None and found.group(1) in reads


def _query_defects(query: str) -> list[str]:
    """``query`` has each token replaced by one NUL."""
    path, mark, parameters = query.partition("?")
    if not mark:
        return [] if _READ.fullmatch(path) else ["neither an instance read nor a type search (D6)"]
    if not _TYPE.fullmatch(path):
        return ["a search is of one type: Type?parameter=value (D6)"]
    return [defect for part in parameters.split("&") if (defect := _parameter_defect(part))]


def _parameter_defect(part: str) -> str | None:
    found = _PARAMETER.fullmatch(part)
    if found is None:
        return "a parameter without a name or value, or chained (D6)"
    name, modifier, value = found.groups()
    if name.startswith("_") and name not in _CONTROL_PARAMETERS | {"_id"}:
        return f"parameter {name} is outside the portable subset (D6)"
    if modifier not in (None, "in"):
        return f"modifier :{modifier} is outside the portable subset (D6)"
    if _FOREIGN_PREFIX.match(value):
        return f"prefix {value[:2]} is outside the portable subset (D6)"
    return None
