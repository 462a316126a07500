"""The labelled lists are told right, and the report sees what is not."""

from pathlib import Path

import pytest

from cds_service.knowledge import accuracy

LISTS = Path(__file__).parent / "labelled"
HEAD = "name,code,system,contains_central_opioid,contains_naltrexone,is_ldn\n"


def written(tmp_path, *rows):
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows), "utf-8")
    return path


def test_the_labelled_lists_are_told_right(capsys):
    assert accuracy.main(["--folder", str(LISTS)]) == 0
    assert "0 misses" in capsys.readouterr().out


def test_there_are_several_hundred_rows_of_every_kind():
    rows = [row for path in LISTS.glob("*.csv") for row in accuracy.read_list(path)]
    kinds = {row.kind for row in rows}
    assert len(rows) > 800
    assert kinds == {"rxnorm", "british", "ehr", "canadian"}
    for label in accuracy.LABELS:
        assert {row.labels[label] for row in rows if label in row.labels} == {True, False}


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.csv")), ids=lambda path: path.name)
def test_every_row_says_where_it_came_from(path):
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].endswith(",source")
    assert all(line.rsplit(",", 1)[1].strip('"') for line in lines[1:])


def test_a_missed_opioid_is_listed_and_fails(tmp_path, capsys):
    path = written(tmp_path, "wonderdrug 5 mg tablet,,,yes,no,no", "oxycodone 5 mg,,,yes,no,no")
    assert accuracy.main(["--list", str(path)]) == 1
    said = capsys.readouterr().out
    assert "missed contains_central_opioid by name alone: wonderdrug" in said
    assert "sensitivity 50.00 % (1/2)" in said
    assert "target missed: 100 % sensitivity" in said


def test_a_wrong_alarm_is_listed_and_fails(tmp_path, capsys):
    assert accuracy.main(["--list", str(written(tmp_path, "morphine,,,no,no,no"))]) == 1
    assert "wrongly called contains_central_opioid by name alone: morphine" in capsys.readouterr().out


@pytest.mark.parametrize(("right", "status"), [(199, 0), (198, 1)])
def test_british_names_may_miss_five_in_a_thousand(tmp_path, right, status):
    dmd = "https://dmd.nhs.uk"
    rows = [f"Codeine {n}mg tablets,{n},{dmd},yes,no,no" for n in range(right)]
    rows += [f"Wonder {n}mg tablets,{n},{dmd},yes,no,no" for n in range(200 - right)]
    assert accuracy.main(["--list", str(written(tmp_path, *rows))]) == status


def test_codes_of_rxnorm_must_all_be_known(tmp_path, capsys):
    path = written(tmp_path, ",1,http://www.nlm.nih.gov/research/umls/rxnorm,yes,no,no")
    assert accuracy.main(["--list", str(path)]) == 1
    assert "100 % by code" in capsys.readouterr().out


def test_snomed_codes_without_a_row_are_only_told(tmp_path):
    path = written(tmp_path, "Codeine 30mg tablets,322341003,http://snomed.info/sct,yes,no,no")
    assert accuracy.main(["--list", str(path)]) == 0


def test_british_codes_are_told_by_their_namespace():
    assert accuracy._guessed_kind("http://snomed.info/sct", "8822311000001104") == "british"
    assert accuracy._guessed_kind("http://snomed.info/sct", "373546002") == "other"


def test_an_empty_label_is_not_asked(tmp_path):
    (row,) = accuracy.read_list(written(tmp_path, "naltrexone,,,no,yes,"))
    assert "is_ldn" not in row.labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,code\na,b\n", "no column system"),
        (HEAD + "a,,,maybe,no,no\n", "list.csv:2: contains_central_opioid is 'maybe'"),
    ],
)
def test_a_list_that_does_not_fit_is_named(tmp_path, capsys, text, said):
    path = tmp_path / "list.csv"
    path.write_text(text, "utf-8")
    assert accuracy.main(["--list", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_no_list_at_all(tmp_path, capsys):
    assert accuracy.main(["--folder", str(tmp_path)]) == 2
    assert "no list" in capsys.readouterr().err
