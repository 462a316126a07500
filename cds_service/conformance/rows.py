"""The numbered rules, as the table prints them: what a service must do, how strictly, and where that stands.

``SHALL`` and ``SHOULD`` are the specification's words (https://cds-hooks.hl7.org, 1.0 to 3.0.0-ballot);
``OURS`` is what makes a rule of it testable or safe, or what the test tools of others ask for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How strict a rule is."""

    SHALL = "SHALL"
    SHOULD = "SHOULD"
    MAY = "MAY"
    OURS = "practice"


class Row(NamedTuple):
    """One rule."""

    id: str
    level: Level
    rule: str


_S, _O, _M, _U = Level.SHALL, Level.SHOULD, Level.MAY, Level.OURS

ROWS: tuple[Row, ...] = (
    Row("T1", _S, "JSON over TLS, except on the loopback interface"),
    Row("T2", _S, "resources in actions are FHIR JSON"),
    Row("T3", _O, "no comments and no trailing commas in answers"),
    Row("T4", _S, "no null, empty string, array or object, but for cards and services"),
    Row("T5", _S, "extension is an object; unknown members of a request are ignored"),
    Row("T6", _U, "answers are application/json; a charset in the request's type is taken"),
    Row("D1", _S, "GET /cds-services answers"),
    Row("D2", _S, "200 and an object with an array of services"),
    Row("D3", _S, "every service has a hook, a description and an id"),
    Row("D4", _O, "every service has a title"),
    Row("D5", _S, "prefetch is an object of strings"),
    Row("D6", _O, "prefetch templates stay in the portable subset"),
    Row("D7", _S, "prefetch tokens are fields of the hook that allow it, or user ids"),
    Row("D8", _O, "no today() or FHIRPath tokens unless opted in"),
    Row("D9", _O, "%key tokens name earlier reads only"),
    Row("D10", _M, "usageRequirements says what is needed"),
    Row("D11", _O, "version is a semantic version of CDS Hooks"),
    Row("D12", _S, "hookVersion, when given, is one that was published"),
    Row("D13", _M, "ids are distinct: clients collapse equal ones"),
    Row("D14", _M, "discovery may ask for a token"),
    Row("D15", _U, "discovery can be revalidated (ETag or Cache-Control)"),
    Row("R1", _S, "POST to the service; 404 for an unknown one, 405 with Allow for other methods"),
    Row("R2", _S, "hook, hookInstance and context are required: 400 without"),
    Row("R3", _U, "another hook than the service's is refused"),
    Row("R4", _U, "a hookInstance that is no UUID does no harm"),
    Row("R5", _S, "fhirAuthorization without fhirServer is refused (cds-r-1)"),
    Row("R6", _S, "fhirServer is https with patients' data (a rule for clients)"),
    Row("R7", _S, "fhirAuthorization is complete (a rule for clients); a lack does no harm"),
    Row("R8", _U, "a token for another patient is refused"),
    Row("R9", _S, "the hook's context fields are required"),
    Row("R10", _S, "the access token is not shown"),
    Row("R11", _U, "a hookInstance may come again"),
    Row("P1", _S, "works with no, some or all prefetch keys"),
    Row("P2", _S, "fetches what prefetch lacks"),
    Row("P3", _S, "412, or an answer that needs no data, where nothing can be had"),
    Row("P4", _O, "an OperationOutcome in prefetch is not taken for data"),
    Row("P5", _S, "null means no data: it is not fetched"),
    Row("P6", _U, "next links are followed on the same origin only"),
    Row("P7", _M, "uses prefetch and FHIR server together"),
    Row("P8", _S, "FHIR calls carry the access token"),
    Row("P9", _O, "answers within 500 ms"),
    Row("P10", _U, "another patient's data in prefetch do not count"),
    Row("P11", _S, "a failing FHIR server leads to 412 or an answer, not to an error"),
    Row("C1", _S, "200 and an object with an array of cards"),
    Row("C2", _S, "systemActions stand at the top level"),
    Row("C3", _S, "summary is one sentence of fewer than 140 characters"),
    Row("C4", _S, "indicator is info, warning or critical"),
    Row("C5", _S, "source has a label"),
    Row("C6", _O, "source.url and icon are absolute"),
    Row("C7", _S, "source.topic has code and system"),
    Row("C8", _U, "every card has a uuid of its own"),
    Row("C9", _S, "detail is markdown without HTML"),
    Row("C10", _S, "suggestions come with selectionBehavior (cds-resp-6)"),
    Row("C11", _S, "selectionBehavior is at-most-one or any"),
    Row("C12", _S, "at most one is recommended where one is to be taken (cds-resp-1)"),
    Row("C13", _S, "override reasons have code, system and display (cds-resp-4)"),
    Row("C14", _S, "links have label, url and type"),
    Row("C15", _S, "appContext on SMART links only (cds-resp-3)"),
    Row("C16", _U, "no link may launch itself in place of a card"),
    Row("C17", _U, "no guidance is 200 with an empty array"),
    Row("C18", _O, "errors carry an OperationOutcome without a stack"),
    Row("S1", _S, "suggestions have a label (and a uuid, for feedback)"),
    Row("S2", _M, "isRecommended only among several"),
    Row("S3", _S, "actions are not empty; delete, create, update in this order"),
    Row("S4", _S, "action.type is create, update or delete"),
    Row("S5", _S, "actions have a description (cds-resp-5)"),
    Row("S6", _S, "create has a new resource"),
    Row("S7", _S, "update has the whole resource of the draft"),
    Row("S8", _O, "delete has resourceId and no resource (cds-resp-2)"),
    Row("S9", _S, "no actionSelectionBehavior unless the client announced it"),
    Row("S10", _U, "resources are of the client's FHIR version"),
    Row("S11", _U, "systemActions by agreement only"),
    Row("F1", _S, "feedback is an object with an array"),
    Row("F2", _S, "outcome is accepted or overridden, with a time (cds-fb-1)"),
    Row("F3", _S, "accepted names the suggestions (cds-fb-2)"),
    Row("F4", _S, "an override reason has a reason or a comment (cds-fb-3)"),
    Row("F5", _U, "several items and repeats are taken"),
    Row("F6", _U, "ignored cards are counted from answers, not from feedback"),
    Row("F7", _U, "Epic's overrideReasons is understood"),
    Row("F8", _S, "the token's audience is the feedback URL"),
    Row("F9", _U, "feedback on an unknown card is not taken"),
    Row("A1", _O, "a token is required"),
    Row("A2", _S, "a correct token is taken"),
    Row("A3", _S, "header has alg, kid and typ JWT"),
    Row("A4", _S, "claims iss, aud, exp, iat and jti are there"),
    Row("A5", _S, "neither none nor an HMAC is an algorithm"),
    Row("A6", _O, "issuer and jku are on a list; no other jku is asked"),
    Row("A7", _U, "aud is the URL invoked"),
    Row("A8", _U, "neither expired nor issued in the future nor living for hours"),
    Row("A9", _U, "the tenant is registered"),
    Row("A10", _U, "the signature fits a key of the client"),
    Row("A11", _U, "a token serves once"),
    Row("A12", _U, "401 says nothing of the reason"),
    Row("A13", _U, "tokens are not logged"),
    Row("A14", _S, "preflight without a token; no wildcard with credentials"),
    Row("A15", _U, "the sandbox's public key opens nothing"),
    Row("A16", _U, "a fhirServer that is not the client's is not called"),
    Row("I1", _S, "discovery as Inferno reads it"),
    Row("I2", _U, "a call with Inferno's token is answered"),
    Row("I3", _U, "every correct call is answered 200 with JSON"),
    Row("I4", _S, "cards is an array"),
    Row("I5", _S, "summary, indicator and source are there and typed"),
    Row("I6", _U, "optional members are typed and not blank"),
    Row("I7", _S, "suggestions with selectionBehavior"),
    Row("I8", _S, "override reasons complete"),
    Row("I9", _S, "links complete"),
    Row("I10", _S, "suggestions have label and actions"),
    Row("I11", _S, "actions have type, description and what their type asks for"),
    Row("I12", _U, "update and delete name a resource of the draft"),
    Row("I13", _U, "requests are complete (a rule for clients)"),
)
"""In the order of the table."""
