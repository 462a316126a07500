"""Codes that may not be shipped (dm+d) are a site's own to bring: then they are known by code alone."""

import pytest

from cds_service.knowledge.accuracy import main
from cds_service.knowledge.site_knowledge import forget_site_knowledge

DMD = "https://dmd.nhs.uk"
HEAD = "system,code,name,ingredients,naltrexone_mg,per_ml,form\n"
CODE = "3885211000001108"


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    forget_site_knowledge()


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "dmd.csv"
    path.write_text(
        "name,code,system,contains_central_opioid,contains_naltrexone,is_ldn\n" + f",{CODE},{DMD},yes,no,no\n"
    )
    return path


def test_a_code_that_is_not_shipped_is_missed_without_the_site(labelled, capsys):
    main(["--list", str(labelled)])
    said = capsys.readouterr().out
    assert "(0/1)" in said
    assert f"missed contains_central_opioid by code alone:  ({DMD} {CODE})" in said


def test_the_code_file_of_a_site_brings_it(labelled, tmp_path, capsys):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "local-codes.csv").write_text(f"{HEAD}{DMD},{CODE},Cyclimorph 10,morphine,,,\n")
    assert main(["--list", str(labelled), "--site-folder", str(folder)]) == 0
    assert "(1/1)" in capsys.readouterr().out


def test_a_folder_that_does_not_fit_is_said(labelled, tmp_path, capsys):
    (tmp_path / "local-codes.csv").write_text(f"{HEAD}{DMD},{CODE},x,unobtainium,,,\n")
    assert main(["--list", str(labelled), "--site-folder", str(tmp_path)]) == 2
    assert "unobtainium" in capsys.readouterr().err
