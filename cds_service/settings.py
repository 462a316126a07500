"""Every setting, in one place: from the environment, else from one TOML file, else the default.

The file named by ``CDS_SETTINGS`` holds the same names in lower case. A value
that does not fit stops the start with the name of the setting.
"""

from __future__ import annotations

import os
import ssl
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

_AT_WORK = 4
"""With more at a time each is later, and the thread that refuses what is too much hardly gets its turn."""

Environment = Literal["development", "production"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator can set; the names in capitals are the environment variables."""

    cds_environment: Environment = "production"
    """``development`` answers unauthenticated calls and allows http and loopback FHIR servers."""
    public_url: str | None = None
    """Absolute URL under which the outside reaches this service; links and audiences are made of it."""
    clients_file: str | None = None
    """TOML file with the EHRs that may call (docs/clients.md)."""
    protect_discovery: bool = False
    """Ask for a token on discovery too; some EHRs send none there."""
    trusted_proxies: int = 0
    """Proxies in front whose X-Forwarded headers are believed, where ``public_url`` is not set."""
    redis_url: str | None = None
    """Redis that workers and replicas share token ids in; else the database."""
    database_url: str = "sqlite:///instance/ldn-cds.sqlite3"
    """SQLAlchemy URL; the default is an SQLite file under the working directory."""
    time_budget_ms: int = 400
    """Milliseconds one request may spend on reading from the EHR, all fetches together."""
    max_body_bytes: int = 20_000_000
    """Largest request body accepted."""
    max_entries: int = 10_000
    """Most resources in one request, and most items of one feedback."""
    max_orders: int = 1_000
    """Most orders in one request; each costs about a millisecond and half a kilobyte of the answer."""
    header_seconds: float = 10.0
    """Seconds a request's headers may take to arrive (``ldn-cds serve``)."""
    body_seconds: float = 10.0
    """Seconds a request's body may take to arrive."""
    max_concurrent: int = 64
    """Calls answered at a time by one process; one more gets 503 at once."""
    max_at_work: int | None = None
    """Those of them that wait for no EHR's server; by default 4, in development ``max_concurrent``."""
    fhir_parallel: int = 64
    """Calls to one FHIR server at a time, of three times as many in all; the rest waits within the budget."""
    fhir_failures: int = 20
    """Broken connections and time-outs in a row after which a FHIR server is left alone for a second."""
    ca_bundle: str | None = None
    """PEM file of the authorities that sign certificates of EHRs, in place of the public ones."""
    time_zone: str = "UTC"
    """IANA zone of the site: days are counted in it."""
    site_file: str | None = None
    """TOML file of the site's own figures, laid over knowledge/clinical.toml."""
    cors_origins: tuple[str, ...] = ()
    """Browser origins that may call; in development every origin may."""
    knowledge_dir: str | None = None
    """Folder with the site's own codes: local-codes.csv, FHIR ValueSets and ConceptMaps."""
    allow_unreviewed: bool = False
    """Answer in production although no reviewer has signed the clinical figures."""
    fetch_kinds: tuple[str, ...] = ()
    """Further lists this EHR keeps and that are asked for: MedicationDispense, MedicationAdministration,
    and ServiceRequest for planned procedures."""
    prefetch_keys: dict[str, str] = {}
    """Prefetch keys this EHR uses, each with the resource type it holds ({"meds": "MedicationRequest"})."""
    allow_open_fhir: bool = False
    """Ask a FHIR server although the request carries no token; always so in development."""
    workbench: bool | None = None
    """Serve the page on which orders are tried; by default in development alone."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """What the log holds; nothing of a patient at any level."""
    log_format: Literal["json", "text"] | None = None
    """One JSON object a line, or lines for people; by default the latter in development alone."""
    audit_dir: str | None = None
    """Folder of the audit records; by default ``audit`` beside the SQLite file, or under ``instance``."""
    audit_days: int = 365
    """Days for which audit records are kept; 0 for none at all."""
    audit_key: str | None = None
    """Key of the hashes that stand for patients in it; else one is made and kept in the folder."""
    record_cards: bool = True
    """Keep what was shown; without it reports know feedback alone, and no alert is recognised as a repeat."""
    journal_dir: str | None = None
    """Folder on a local disk where cards served wait for the database; by default ``journal`` beside it."""
    store_key: str | None = None
    """Key that card ids are proved and patients hashed with, the same for all replicas; else one is made."""
    comments: Literal["drop", "encrypt"] = "drop"
    """What becomes of the comments in feedback, which may name a patient."""
    comment_keys: tuple[str, ...] = ()
    """Fernet keys of the comments: the first encrypts, all decrypt."""
    store_days: int = 730
    """Days for which cards served and feedback are kept."""
    comment_days: int = 90
    """Days for which the comments in it are kept."""
    reports_token: str | None = None
    """Secret that the reports ask for outside development; without it they do not exist there."""
    reports_mask_below: int = 5
    """Numbers below this are hidden in reports; 0 hides none."""
    validate_responses: bool = True
    """Check every answer against the specification and report violations in log and metrics."""

    @property
    def development(self) -> bool:
        """Whether unauthenticated calls are answered."""
        return self.cds_environment == "development"

    @property
    def try_it(self) -> bool:
        """Whether the page on which orders are tried is served."""
        return self.development if self.workbench is None else self.workbench

    @property
    def at_work(self) -> int:
        """Calls that may keep one process busy at a time."""
        usual = self.max_concurrent if self.development else min(_AT_WORK, self.max_concurrent)
        return usual if self.max_at_work is None else self.max_at_work

    @property
    def verify(self) -> bool | str:
        """How certificates of EHRs are checked: as ``requests`` takes it."""
        return self.ca_bundle or True

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)


_FROM_TEXT = {"comment_keys": "list", "cors_origins": "list", "fetch_kinds": "list", "prefetch_keys": "json"}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. Raises ``ValueError`` naming the setting, or the file, that does not fit."""
    environ = os.environ if environ is None else environ
    path = environ.get("CDS_SETTINGS")
    values = _from_file(Path(path)) if path else {}
    for name in Settings.__struct_fields__:
        if text := environ.get(name.upper()):
            values[name] = _value(name, text)
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"settings: {error}") from error
    _check_numbers(settings)
    _check_urls(settings)
    _check_zone(settings.time_zone)
    if settings.ca_bundle is not None:
        _check_ca_bundle(settings.ca_bundle)
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"settings: CDS_SETTINGS: {path} cannot be read: {error}") from error


_AT_LEAST_ONE = (
    "time_budget_ms", "max_body_bytes", "max_entries", "max_orders", "header_seconds", "body_seconds",
    "max_concurrent", "fhir_parallel", "fhir_failures", "store_days", "comment_days",
)  # fmt: skip


def _check_numbers(settings: Settings) -> None:
    for name in _AT_LEAST_ONE:
        if getattr(settings, name) <= 0:
            raise ValueError(f"settings: {name.upper()} must be above 0")
    if settings.at_work <= 0:
        raise ValueError("settings: MAX_AT_WORK must be above 0")


_SCHEMES = {
    "database_url": ("sqlite", "postgresql", "postgres"),
    "redis_url": ("redis", "rediss", "unix"),
    "public_url": ("https", "http"),
}


def _check_urls(settings: Settings) -> None:
    """Else each call would find it out. The address is not quoted: it may hold a password."""
    for name, schemes in _SCHEMES.items():
        url: str | None = getattr(settings, name)
        if url is not None and url.partition(":")[0].partition("+")[0] not in schemes:
            wanted = " or ".join(f"{each}://" for each in schemes[:2])
            raise ValueError(f"settings: {name.upper()} must begin with {wanted}")


def _check_zone(name: str) -> None:
    """An unknown zone must stop the start, not the first request."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"settings: TIME_ZONE: there is no zone {name!r}") from error


def _check_ca_bundle(file: str) -> None:
    """Each call would find it out on its own, and say that the EHR's certificate is at fault."""
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        why = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"settings: CA_BUNDLE cannot be read: {why}") from error


def _value(name: str, text: str) -> Any:
    kind = _FROM_TEXT.get(name)
    if kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    if kind == "json":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ValueError(f"settings: {name.upper()} is not JSON") from error
    return text
