"""How much of the clinical content is signed."""

from cds_service.knowledge import tables
from cds_service.knowledge.review import review_state


def signed(name):
    return iter({**row, "reviewer": "A. Pharmacist"} if "reviewer" in row else row for row in REAL(name))


REAL = tables.rows


def test_nobody_has_signed_yet():
    state = review_state()
    assert 0 < state.unreviewed_rows <= state.rows
    assert set(state.by_table) == set(tables.names()) - {"sources"}
    assert not state.reviewed
    assert "figures unreviewed" in state.words()


def test_signed_rows_and_figures_are_reviewed(monkeypatch):
    monkeypatch.setattr(tables, "rows", signed)
    state = review_state("A. Pharmacist")
    assert state.reviewed
    assert state.by_table == {}
    assert state.words().endswith("figures signed by A. Pharmacist")


def test_signed_figures_alone_are_not_enough():
    assert not review_state("A. Pharmacist").reviewed


def test_signed_rows_alone_are_not_enough(monkeypatch):
    monkeypatch.setattr(tables, "rows", signed)
    assert not review_state().reviewed
    assert not review_state(" ").reviewed
