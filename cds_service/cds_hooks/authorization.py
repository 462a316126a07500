"""``fhirAuthorization``: the EHR's leave to read from its FHIR server (R5, R7, R8, R10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_service.cds_hooks.envelope import Members
from cds_service.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """A transient access token with what the EHR says of it; the token is never shown (R10)."""

    access_token: str = field(repr=False)
    token_type: str | None = None
    expires_in: float | None = None
    """Seconds from when the request came: it names no other moment."""
    scope: str | None = None
    subject: str | None = None
    patient: str | None = None

    @property
    def expired(self) -> bool:
        """Whether the EHR itself says that the token's time is over; it is not used then."""
        return self.expires_in is not None and self.expires_in <= 0

    @property
    def complete(self) -> bool:
        """Whether every member R7 requires is there."""
        is_bearer = (self.token_type or "").casefold() == "bearer"
        return is_bearer and self.expires_in is not None and bool(self.scope and self.subject)

    @property
    def names_its_patient(self) -> bool:
        """cds-r-2: a token with patient scopes says which patient (SMART 1 and 2 scopes alike)."""
        return self.patient is not None or "patient/" not in (self.scope or "")


def read_authorization(members: Members) -> FhirAuthorization:
    """Read ``fhirAuthorization``; only a missing token makes it unusable (R7)."""
    token = members.required_text("access_token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidRequest("Not an access token", path=members.path_of("access_token"))
    return FhirAuthorization(
        access_token=token,
        token_type=_text_or_none(members, "token_type"),
        expires_in=_seconds_or_none(members.value("expires_in")),
        scope=_text_or_none(members, "scope"),
        subject=_text_or_none(members, "subject"),
        patient=members.text("patient"),
    )


def _seconds_or_none(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text_or_none(members: Members, name: str) -> str | None:
    value = members.value(name)
    return value if isinstance(value, str) and value else None
