"""Service requests: rows R2 to R11 and the ends of T4, T5 and P5 that belong to the protocol."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cds_hooks import HOOKS, ORDER_SELECT, ORDER_SIGN, FhirAuthorization, Notice, parse_request
from cds_service.errors import InvalidRequest

INVALID, NOT_JSON, MISSING, WRONG_HOOK = "CDS-4000", "CDS-4001", "CDS-4002", "CDS-4003"
EMPTY_BUNDLE = {"resourceType": "Bundle"}
AUTHORIZATION = {
    "access_token": "s3cret-t0ken",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "user/*.rs",
    "subject": "cds",
}
FHIR = {"fhirServer": "https://ehr.example/fhir", "fhirAuthorization": AUTHORIZATION}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"hook": ...}, "$.hook", id="R2-hook"),
        pytest.param({"hook": None}, "$.hook", id="R2-hook-null"),
        pytest.param({"hookInstance": ...}, "$.hookInstance", id="R2-hookInstance"),
        pytest.param({"hookInstance": ""}, "$.hookInstance", id="R2-hookInstance-empty"),
        pytest.param({"context": ...}, "$.context", id="R2-context"),
        pytest.param({"context": None}, "$.context", id="R2-context-null"),
        pytest.param({"context": {"patientId": ...}}, "$.context.patientId", id="R9-patientId"),
        pytest.param({"context": {"patientId": None}}, "$.context.patientId", id="R9-patientId-null"),
        pytest.param({"context": {"draftOrders": ...}}, "$.context.draftOrders", id="R9-draftOrders"),
        pytest.param({"fhirAuthorization": AUTHORIZATION}, "$.fhirServer", id="R5-cds-r-1"),
        pytest.param(
            FHIR | {"fhirAuthorization": AUTHORIZATION | {"access_token": ...}},
            "$.fhirAuthorization.access_token",
            id="R7-access_token",
        ),
    ],
)
def test_missing(body, refusal, changes, path):
    assert refusal(body(**changes)) == (MISSING, path)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"hookInstance": 7}, "$.hookInstance", id="R2-hookInstance"),
        pytest.param({"context": []}, "$.context", id="R2-context"),
        pytest.param({"context": {"patientId": ["1"]}}, "$.context.patientId", id="R9-patientId-list"),
        pytest.param({"context": {"patientId": 1}}, "$.context.patientId", id="R9-patientId-number"),
        pytest.param({"context": {"patientId": "Group/1"}}, "$.context.patientId", id="R9-patientId-type"),
        pytest.param({"context": {"patientId": "1&x=y"}}, "$.context.patientId", id="R9-patientId-query"),
        pytest.param({"context": {"patientId": "Patient/"}}, "$.context.patientId", id="R9-patientId-none"),
        pytest.param({"context": {"patientId": ".."}}, "$.context.patientId", id="R9-patientId-dots"),
        pytest.param({"context": {"draftOrders": []}}, "$.context.draftOrders", id="R9-orders-list"),
        pytest.param(
            {"context": {"draftOrders": {"resourceType": "MedicationRequest"}}},
            "$.context.draftOrders.resourceType",
            id="R9-orders-type",
        ),
        pytest.param(
            {"context": {"draftOrders": EMPTY_BUNDLE | {"entry": {}}}},
            "$.context.draftOrders.entry",
            id="R9-orders-entry",
        ),
        pytest.param({"fhirServer": "ehr.example/fhir"}, "$.fhirServer", id="R6-relative"),
        pytest.param({"fhirServer": "file:///etc/passwd"}, "$.fhirServer", id="R6-scheme"),
        pytest.param({"fhirServer": "https:///fhir"}, "$.fhirServer", id="R6-host"),
        pytest.param({"fhirServer": "ftp://ehr.example"}, "$.fhirServer", id="R6-ftp"),
        pytest.param({"fhirServer": "https://[x"}, "$.fhirServer", id="R6-malformed"),
        pytest.param({"prefetch": []}, "$.prefetch", id="P1"),
        pytest.param(FHIR | {"fhirAuthorization": "x"}, "$.fhirAuthorization", id="R7-string"),
        *[
            pytest.param(
                FHIR | {"fhirAuthorization": AUTHORIZATION | {"access_token": token}},
                "$.fhirAuthorization.access_token",
                id=f"R7-token-{name}",
            )
            for name, token in {"number": 5, "break": "a\nb", "space": "a b", "foreign": "tökén"}.items()
        ],
        pytest.param(
            FHIR | {"fhirAuthorization": AUTHORIZATION | {"patient": "2"}},
            "$.fhirAuthorization.patient",
            id="R8",
        ),
    ],
)
def test_wrong(body, refusal, changes, path):
    assert refusal(body(**changes)) == (INVALID, path)


def test_R3_hook_of_another_service(body, refusal):
    assert refusal(body(), hook="order-select") == (WRONG_HOOK, "$.hook")


NOT_JSON_BODIES = {
    "blank": b" ",
    "no-json": b"hello",
    "T3-comment": b'{"hook": "order-sign" /* here */}',
    "T3-trailing-comma": b'{"hook": "order-sign",}',
    "array": b"[]",
    "string": b'"order-sign"',
    "null": b"null",
    "two-documents": b"{}{}",
    "truncated": b'{"hook": "order-sign"',
    "utf-16": '{"hook": "order-sign"}'.encode("utf-16"),
    "bad-utf-8": b'{"hook": "order-sign", "x": "\xff"}',
    "lone-surrogate": b'{"hook": "\\ud800"}',
    "NaN": b'{"hook": "order-sign", "x": NaN}',
    "Infinity": b'{"hook": "order-sign", "x": [-Infinity]}',
    "deep": b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "repeated-key": b'{"hook": "order-sign", "hook": "order-sign"}',
    "repeated-key-later": b'{"hook": "order-sign", "x": 1, "hook": "order-select"}',
    "repeated-key-escaped": b'{"hook": "order-sign", "\\u0068ook": "order-sign"}',
    "repeated-key-prefix": b'{"x": 12, "x": 1}',
    "repeated-key-prefix-and-more": b'{"x": 12, "x": 1, "y": 2}',
}


@pytest.mark.parametrize("sent", NOT_JSON_BODIES.values(), ids=NOT_JSON_BODIES)
def test_R2_not_json(refusal, sent):
    assert refusal(sent)[0] == NOT_JSON


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"patientId": "1"', '"patientId": "1", "patientId": "2"', id="context"),
        pytest.param('"entry"', '"entry": [], "entry"', id="bundle"),
        pytest.param('"hookInstance"', '"prefetch": {"a": 1, "a": 2}, "hookInstance"', id="prefetch"),
    ],
)
def test_R2_repeated_key_inside(body, refusal, old, new):
    sent = json.dumps(body())
    assert old in sent
    assert refusal(sent.replace(old, new).encode())[0] == NOT_JSON


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-0.0", "1" * 30])
def test_R2_unusual_numbers_are_no_failure(body, number):
    sent = json.dumps(body(extension={"a.b": "N"}, fhirServer="https://e", fhirAuthorization=AUTHORIZATION))
    sent = sent.replace('"N"', number).replace("300", number)
    try:
        parse_request(sent.encode(), ORDER_SIGN)
    except InvalidRequest as error:
        assert error.path == "$.fhirAuthorization.expires_in"


def test_T5_unknown_members_are_ignored(body, call):
    request = call(body(applyCql=False, context={"services": [None]}, extension={"com.example.x": {"y": 1}}))
    assert bytes(request.extension["com.example.x"]) == b'{"y": 1}'
    assert call(body(extension=["no", "object"])).notices == (Notice.BAD_EXTENSION,)


def test_byte_order_mark_is_tolerated(body, call):
    assert call(b"\xef\xbb\xbf" + json.dumps(body()).encode()).patient_id == "1"


def test_a_correct_request_gives_no_notice(body, call):
    request = call(body(**FHIR))
    assert request.notices == ()
    assert (request.hook, request.user_id, request.fhir_server) == (
        ORDER_SIGN,
        "Practitioner/p",
        "https://ehr.example/fhir",
    )


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        pytest.param({"hookInstance": "abc"}, Notice.HOOK_INSTANCE_NOT_UUID, id="R4"),
        pytest.param({"fhirServer": "http://e/fhir"}, Notice.PLAIN_HTTP, id="R6"),
        pytest.param(
            FHIR | {"fhirAuthorization": {"access_token": "t"}}, Notice.INCOMPLETE_AUTHORIZATION, id="R7"
        ),
        *[
            pytest.param(
                FHIR | {"fhirAuthorization": AUTHORIZATION | {name: value}},
                Notice.INCOMPLETE_AUTHORIZATION,
                id=f"R7-{name}-{value}",
            )
            for name, value in [
                ("token_type", "mac"),
                ("token_type", ["Bearer"]),
                ("expires_in", ...),
                ("expires_in", True),
                ("expires_in", "300"),
                ("scope", ""),
                ("scope", ["user/*.rs"]),
                ("subject", ...),
                ("subject", 5),
            ]
        ],
        pytest.param(
            FHIR | {"fhirAuthorization": AUTHORIZATION | {"scope": "patient/*.rs"}},
            Notice.TOKEN_WITHOUT_PATIENT,
            id="cds-r-2",
        ),
        pytest.param({"context": {"userId": ...}}, Notice.NO_USER, id="R9-userId"),
        pytest.param({"context": {"userId": ""}}, Notice.NO_USER, id="R9-userId-empty"),
        pytest.param({"context": {"userId": ["x"]}}, Notice.NO_USER, id="R9-userId-list"),
        pytest.param({"context": {"encounterId": 5}}, Notice.BAD_ENCOUNTER, id="R9-encounterId"),
        pytest.param(
            {"context": {"userId": ...}, "user": "Practitioner/o"}, Notice.OLD_USER, id="pre-1.0-user"
        ),
        pytest.param(
            {"context": {"patientId": ...}, "patient": "1"}, Notice.OLD_PATIENT, id="pre-1.0-patient"
        ),
    ],
)
def test_tolerated_with_a_notice(body, call, changes, notice):
    request = call(body(**changes))
    assert request.notices == (notice,)
    assert request.patient_id == "1"


def test_R7_a_complete_authorization(body, call):
    authorization = AUTHORIZATION | {"scope": "patient/*.rs", "patient": "1", "token_type": "bearer"}
    request = call(body(**FHIR | {"fhirAuthorization": authorization}))
    assert request.notices == ()
    assert request.authorization == FhirAuthorization(
        "s3cret-t0ken", "bearer", 300, "patient/*.rs", "cds", "1"
    )


def test_pre_1_0_user_is_read(body, call):
    assert call(body(context={"userId": ...}, user="Practitioner/old")).user_id == "Practitioner/old"


@pytest.mark.parametrize(
    "sent", ["1", "Patient/1", "https://ehr.example/fhir/Patient/1", "Patient/1/_history/3", "/Patient/1"]
)
def test_R9_patient_id_is_bare(body, call, sent):
    assert call(body(context={"patientId": sent})).patient_id == "1"


@pytest.mark.parametrize(("sent", "expected"), [("e1", "e1"), ("", None), (None, None), (..., None)])
def test_R9_encounter_id(body, call, sent, expected):
    request = call(body(context={"encounterId": sent}))
    assert (request.encounter_id, request.notices) == (expected, ())


def test_R8_the_same_patient_in_two_forms(body, call):
    request = call(
        body(**FHIR, context={"patientId": "Patient/1"})
        | {"fhirAuthorization": AUTHORIZATION | {"patient": "1"}}
    )
    assert request.authorization is not None
    assert request.authorization.patient == "1"


def test_R10_token_is_never_shown(body, call):
    request = call(body(**FHIR))
    assert request.authorization is not None
    assert request.authorization.access_token == "s3cret-t0ken"
    assert "s3cret" not in repr(request)
    assert "s3cret" not in str(request.authorization)


def test_R11_hook_instance_may_come_again(body, call, greeter):
    call(body())
    call(body())
    assert len(greeter.calls) == 2


@pytest.mark.parametrize("prefetch", [..., None, {}], ids=["absent", "null", "empty"])
def test_P1_without_prefetch(body, call, prefetch):
    assert call(body(prefetch=prefetch)).prefetch == {}


def test_P5_null_is_not_absence(body, call):
    request = call(body(prefetch={"conditions": None, "patient": {"resourceType": "Patient"}}))
    assert {key: bytes(value) for key, value in request.prefetch.items()} == {
        "conditions": b"null",
        "patient": b'{"resourceType": "Patient"}',
    }


@pytest.mark.parametrize("hook", HOOKS)
def test_R9_orders_of_each_hook(body, call, hook):
    request = call(body(hook), hook)
    (order,) = request.orders
    field = HOOKS[hook].orders_field
    assert order.path == f"$.context.{field}.entry[0].resource"
    assert (order.reference, order.selected, request.notices) == ("MedicationRequest/m1", True, ())


@pytest.mark.parametrize(
    ("hook", "other"), [("order-sign", "medications"), ("medication-prescribe", "draftOrders")]
)
def test_R9_orders_under_the_other_name(body, call, hook, other):
    sent = body(hook)
    sent["context"][other] = sent["context"].pop(HOOKS[hook].orders_field)
    request = call(sent, hook)
    assert request.notices == (Notice.OTHER_ORDERS_FIELD,)
    assert request.orders[0].path == f"$.context.{other}.entry[0].resource"


@pytest.mark.parametrize(
    "bundle", [EMPTY_BUNDLE, EMPTY_BUNDLE | {"entry": []}, EMPTY_BUNDLE | {"entry": None}, {}]
)
def test_R9_bundle_without_orders(body, call, bundle):
    sent = body()
    sent["context"]["draftOrders"] = bundle
    assert call(sent).orders == ()


def test_S7_draft_is_kept_as_sent(body, call):
    sent = json.dumps(body()).replace('"draft"', '"draft",  "dose" : 4.50').encode()
    (order,) = call(sent).orders
    assert bytes(order.raw) in sent
    assert b'"dose" : 4.50' in bytes(order.raw)


def test_R9_unreadable_entries_do_not_cost_their_neighbours(body, call):
    good = {"resource": {"resourceType": "MedicationRequest", "id": 5}}
    twice = {"resource": {"resourceType": "MedicationRequest", "dosageInstruction": [{"text": "REPEAT"}]}}
    entries = ["x", None, {}, {"resource": {"id": "1"}}, {"resource": {"resourceType": ""}}, twice, good]
    sent = json.dumps(body(context={"draftOrders": EMPTY_BUNDLE | {"entry": entries}}))
    request = call(sent.replace('"text": "REPEAT"', '"text": "a", "text": "b"').encode())
    assert request.unreadable == tuple(f"$.context.draftOrders.entry[{index}]" for index in range(6))
    assert [(order.path, order.id) for order in request.orders] == [
        ("$.context.draftOrders.entry[6].resource", None)
    ]


def test_R9_empty_id_is_none(body, call):
    entries = [{"fullUrl": "", "resource": {"resourceType": "MedicationRequest", "id": ""}}]
    (order,) = call(body(context={"draftOrders": EMPTY_BUNDLE | {"entry": entries}})).orders
    assert (order.id, order.full_url, order.reference) == (None, None, None)


def test_R9_entry_that_is_the_resource_itself(body, call):
    entries = [{"resourceType": "MedicationRequest", "id": "m"}]
    (order,) = call(body(context={"draftOrders": EMPTY_BUNDLE | {"entry": entries}})).orders
    assert (order.path, order.id) == ("$.context.draftOrders.entry[0]", "m")


TWO = [
    {"fullUrl": "urn:uuid:0f5c", "resource": {"resourceType": "MedicationRequest", "id": "a"}},
    {"fullUrl": "https://e/fhir/MedicationRequest/b", "resource": {"resourceType": "MedicationRequest"}},
]


@pytest.mark.parametrize(
    ("selections", "selected", "notices"),
    [
        pytest.param(["MedicationRequest/a"], [True, False], (), id="relative"),
        pytest.param(["a"], [True, False], (), id="bare"),
        pytest.param(["https://x/MedicationRequest/a/_history/2"], [True, False], (), id="absolute"),
        pytest.param(["urn:uuid:0f5c"], [True, False], (), id="urn"),
        pytest.param(["0f5c"], [True, False], (), id="urn-bare"),
        pytest.param(["MedicationRequest/0f5c"], [True, False], (), id="urn-relative"),
        pytest.param(["https://e/fhir/MedicationRequest/b"], [False, True], (), id="fullUrl"),
        pytest.param(["MedicationRequest/b"], [False, True], (), id="fullUrl-relative"),
        pytest.param(["MedicationRequest/a", "MedicationRequest/b"], [True, True], (), id="both"),
        pytest.param(
            ["MedicationRequest/a", "ServiceRequest/z"],
            [True, False],
            (Notice.SELECTION_POINTS_NOWHERE,),
            id="one-nowhere",
        ),
        pytest.param(["ServiceRequest/a"], [True, True], (Notice.SELECTION_POINTS_NOWHERE,), id="nowhere"),
        pytest.param([], [True, True], (Notice.NO_SELECTIONS,), id="empty"),
        pytest.param(..., [True, True], (Notice.NO_SELECTIONS,), id="absent"),
        pytest.param("MedicationRequest/a", [True, True], (Notice.NO_SELECTIONS,), id="string"),
        pytest.param(["MedicationRequest/a", ""], [True, False], (Notice.NO_SELECTIONS,), id="empty-one"),
        pytest.param(["MedicationRequest/a", 5], [True, False], (Notice.NO_SELECTIONS,), id="number"),
    ],
)
def test_R9_selections(body, call, selections, selected, notices):
    sent = body(
        "order-select", context={"draftOrders": EMPTY_BUNDLE | {"entry": TWO}, "selections": selections}
    )
    request = call(sent, "order-select")
    assert [order.selected for order in request.orders] == selected
    assert request.notices == notices


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["hook", "context", "patientId", "draftOrders", "entry", "resource", "selections"]
                )
                | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_R2_any_json_is_read_or_refused(value):
    context = {"patientId": "1", "draftOrders": value, "selections": value, "userId": value}
    whole = {"hook": "order-select", "hookInstance": "i", "context": context, "prefetch": value}
    for sent in (
        value,
        whole,
        whole | {"context": value},
        whole | {"fhirServer": value, "fhirAuthorization": value},
    ):
        try:
            parse_request(json.dumps(sent).encode(), ORDER_SELECT)
        except InvalidRequest as error:
            assert error.path is not None


@given(st.binary(max_size=60))
def test_R2_any_bytes_are_refused(sent):
    for whole in (sent, b'{"hook":"order-select","hookInstance":"i","context":' + sent + b"}"):
        with pytest.raises(InvalidRequest):
            parse_request(whole, ORDER_SELECT)
