"""Which list of the record came from where: from which prefetch key, from the server, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from cds_service.fhir.patients import patient_key
from cds_service.fhir.prefetch import Intake, read_prefetch
from cds_service.fhir.records import Gap, PatientRecord
from cds_service.rules.not_checked import gap_in_words

_SERVER, _MISSING = "server", "missing"


class Unread(Struct, frozen=True, omit_defaults=True):
    """Something that is not known: in words, with the reason's code, the detail and the JSON path."""

    words: str
    reason: str
    detail: str = ""
    path: str | None = None


class KeyRead(Struct, frozen=True, omit_defaults=True):
    """One prefetch key: what it held, and which lists that is."""

    key: str
    held: str
    gives: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


class ListRead(Struct, frozen=True, omit_defaults=True):
    """One list: its entries, where they came from (keys, ``server``, ``missing``), what is not known."""

    kind: str
    entries: int
    came_from: tuple[str, ...]
    unread: tuple[Unread, ...] = ()


def keys_read(
    prefetch: Mapping[str, msgspec.Raw], patient_id: str, keys: Mapping[str, str]
) -> Iterator[KeyRead]:
    """Every prefetch key, read on its own."""
    for key, raw in prefetch.items():
        record, unavailable = _read_alone(key, raw, patient_id, keys)
        yield KeyRead(
            key,
            _held(raw, record),
            tuple(sorted(record.lists)),
            tuple(_unread(gap) for gap in (*record.gaps, *unavailable)),
        )


def lists_read(
    record: PatientRecord, prefetch: Mapping[str, msgspec.Raw], keys: Mapping[str, str]
) -> Iterator[ListRead]:
    """Every list that was had or is known to be missing."""
    given: dict[str, list[str]] = {}
    for key, raw in prefetch.items():
        alone, _ = _read_alone(key, raw, record.patient_id, keys)
        for kind in alone.lists | set(alone.entries):
            given.setdefault(kind, []).append(key)
    for kind in dict.fromkeys((*record.lists, *record.entries, *(gap.kind for gap in record.gaps))):
        entries = record.entries.get(kind, [])
        origins = [f"prefetch {key}" for key in given.get(kind, ())]
        if any(source.origin == _SERVER for _, source in entries) or (kind in record.lists and not origins):
            origins.append(_SERVER)
        unread = tuple(_unread(gap) for gap in record.gaps_of([kind]))
        yield ListRead(kind, len(entries), tuple(origins) or (_MISSING,), unread)


def _read_alone(
    key: str, raw: msgspec.Raw, patient_id: str, keys: Mapping[str, str]
) -> tuple[PatientRecord, list[Gap]]:
    intake = Intake(PatientRecord(patient_key(patient_id)))
    supplied = read_prefetch({key: raw}, intake, keys)
    intake.report_strangers()
    return intake.record, list(supplied.unavailable.values())


def _held(raw: msgspec.Raw, record: PatientRecord) -> str:
    """What the value is, as it came."""
    value = msgspec.json.decode(raw)
    if value is None:
        return "null: the EHR has no such data"
    if not isinstance(value, dict):
        return "neither a resource nor null"
    kind = str(value.get("resourceType", "an object without resourceType"))
    if kind != "Bundle":
        return kind
    counts = Counter({name: len(found) for name, found in record.entries.items()})
    counts["Medication"] += len({id(medication) for medication in record.medications.values()})
    inside = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    entries = value.get("entry")
    total = len(entries) if isinstance(entries, list) else 0
    return f"Bundle of {total}: {inside}" if inside else f"Bundle of {total}"


def _unread(gap: Gap) -> Unread:
    return Unread(gap_in_words(gap), gap.reason.value, gap.detail, gap.path)
