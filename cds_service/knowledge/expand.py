"""Fetches a value set from a FHIR terminology server into the folder of the site's knowledge.

``ldn-cds expand --server URL --value-set CANONICAL --as meaning-pregnant --into FOLDER``

Run it when a value set has a new version, not in the request path: the service reads the file at
its next start. A server that asks for it gets the Authorization header in the environment variable
TERMINOLOGY_AUTHORIZATION.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from cds_service.knowledge.site_files import VALUE_SET, meant_by, read_folder
from cds_service.outbound.failures import in_words

PAGE = 1000
MOST_PAGES = 1000
_SECONDS = (5, 60)


class ExpansionError(Exception):
    """The server gave no complete expansion."""


def expand(
    server: str,
    canonical: str,
    page: int = PAGE,
    on_page: Callable[[int, int | None], None] = lambda codes, of: None,
) -> dict[str, Any]:
    """The ValueSet with all codes of ``canonical`` as the server expands it now, page by page.

    :param on_page: hears how many codes have come, and of how many where the server says so.
    """
    concepts: list[dict[str, Any]] = []
    first: dict[str, Any] = {}
    with requests.Session() as session:
        if authorization := os.environ.get("TERMINOLOGY_AUTHORIZATION"):
            session.headers["Authorization"] = authorization
        for expansion in _pages(session, f"{server.rstrip('/')}/ValueSet/$expand", canonical, page):
            first = first or expansion
            concepts += expansion["contains"]
            on_page(len(concepts), _number(expansion.get("total")))
    kept = {key: first[key] for key in ("identifier", "timestamp", "parameter") if key in first}
    return {
        "resourceType": "ValueSet",
        "url": canonical,
        "status": "active",
        "expansion": {**kept, "total": len(concepts), "contains": concepts},
    }


def _pages(session: requests.Session, url: str, canonical: str, page: int) -> Iterator[dict[str, Any]]:
    """Each page of the expansion; a server that does not page gives one."""
    seen = 0
    for _ in range(MOST_PAGES):
        expansion = _get(session, url, {"url": canonical, "offset": str(seen), "count": str(page)})
        yield expansion
        seen += len(expansion["contains"])
        total = expansion.get("total")
        paged = isinstance(expansion.get("offset"), int)
        if not expansion["contains"] or (seen >= total if isinstance(total, int) else not paged):
            break
    else:
        raise ExpansionError(f"{url}: more than {MOST_PAGES} pages")
    if isinstance(total, int) and seen < total:
        raise ExpansionError(f"{url}: {seen} of {total} codes")


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _get(session: requests.Session, url: str, query: dict[str, str]) -> dict[str, Any]:
    try:
        response = session.get(
            url, params=query, headers={"Accept": "application/fhir+json"}, timeout=_SECONDS
        )
        resource = response.json()
    except requests.JSONDecodeError as error:
        raise ExpansionError(f"{url}: {response.status_code}, no JSON") from error
    except requests.RequestException as error:
        raise ExpansionError(f"{url}: {in_words(error)}") from error
    if not response.ok or not isinstance(resource, dict) or resource.get("resourceType") != "ValueSet":
        raise ExpansionError(f"{url}: {response.status_code} {_told(resource)}")
    expansion = resource.get("expansion")
    if not isinstance(expansion, dict):
        raise ExpansionError(f"{url}: the ValueSet has no expansion")
    contains = expansion.get("contains", [])
    if not isinstance(contains, list):
        raise ExpansionError(f"{url}: expansion.contains is no list")
    return {**expansion, "contains": contains}


def _told(resource: Any) -> str:
    """What an OperationOutcome says."""
    issues = resource.get("issue") if isinstance(resource, dict) else None
    first = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    return str(first.get("diagnostics") or "no ValueSet")


def save(value_set: dict[str, Any], kind: str, folder: Path) -> Path:
    """Write the value set as ``kind`` into ``folder``, once it is seen to be readable from there.

    Raises ``ValueError`` with the lines that a start of the service would refuse.
    """
    meant_by(kind)
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", value_set["url"].lower()).strip("-")[-60:].strip("-")
    path = folder / f"{kind}.{slug}{VALUE_SET}"
    with tempfile.TemporaryDirectory(dir=folder) as trial:
        written = Path(trial) / path.name
        written.write_text(json.dumps(value_set, indent=1) + "\n", "utf-8")
        if problems := read_folder(Path(trial)).problems:
            raise ValueError("\n".join(problems))
        written.replace(path)
    return path
