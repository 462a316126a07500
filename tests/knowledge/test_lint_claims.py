"""What the linter says across tables, figures and sentences."""

import pytest

from cds_service.knowledge import lint_claims, tables


@pytest.fixture(scope="module")
def shipped():
    return {name: list(tables.rows(name)) for name in tables.names()}


def with_row(shipped, table, **changes):
    first = dict.fromkeys(shipped[table][0], "")
    return {**shipped, table: [*shipped[table], {**first, **changes}]}


def test_the_shipped_tables_claim_nothing_twice(shipped):
    assert list(lint_claims.claims(shipped)) == []


def test_a_code_that_two_classes_claim(shipped):
    taken = shipped["snomed"][0]["code"]
    broken = with_row(shipped, "medicine_codes", system="snomed", code=taken, ingredients="codeine")
    assert f"snomed {taken} is claimed by medicine_codes and snomed" in lint_claims.claims(broken)


def test_an_answer_that_contradicts_the_condition(shipped):
    broken = with_row(shipped, "answers", system="snomed", code="60001007", answer="pregnant")
    assert any("60001007 answers pregnant and means not-pregnant" in p for p in lint_claims.claims(broken))


@pytest.mark.parametrize(
    ("name", "ingredients"),
    [("oxycodone 5 MG Oral Tablet", "acetaminophen"), ("naltrexone 3 mg capsule", "methylnaltrexone")],
)
def test_a_name_that_contradicts_its_row(shipped, name, ingredients):
    broken = with_row(shipped, "rxnorm_products", name=name, ingredients=ingredients)
    assert any(repr(name) in problem for problem in lint_claims.claims(broken))


def test_an_opioid_without_interval(shipped, monkeypatch):
    figures = lint_claims.shipped_figures()
    figures["opioid_free"]["long"] = 0
    monkeypatch.setattr(lint_claims, "shipped_figures", lambda: figures)
    assert "ingredients: opioid 'levorphanol' has no opioid-free interval" in lint_claims.claims(shipped)


def test_a_section_without_source(shipped, monkeypatch):
    figures = lint_claims.shipped_figures()
    figures["age"]["source"] = " "
    monkeypatch.setattr(lint_claims, "shipped_figures", lambda: figures)
    assert "clinical.toml: [age] has no source" in lint_claims.claims(shipped)


def test_a_topic_without_basis(shipped, monkeypatch):
    monkeypatch.setattr(lint_claims, "sentences", lambda topic: {})
    assert "wording.toml: [age] has no basis" in lint_claims.claims(shipped)


def test_a_source_that_backs_nothing(shipped):
    broken = with_row(shipped, "sources", key="hearsay")
    assert "sources.csv: hearsay backs no row" in lint_claims.claims(broken)
