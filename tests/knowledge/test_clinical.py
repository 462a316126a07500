"""The figures: shipped ones are sound, a site's file is laid over them and told what does not fit."""

import pytest

from cds_service.knowledge.clinical import CAN_BE_CRITICAL, load_clinical, shipped_figures
from cds_service.knowledge.wording import titles
from tests.cli.running import run


@pytest.fixture
def site(tmp_path):
    def write(text):
        path = tmp_path / "site.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_the_shipped_figures_are_sound():
    clinical = load_clinical()
    assert clinical.opioid_free.short == 10
    assert clinical.indicator.level == {}


@pytest.mark.parametrize(
    "section", [name for name in shipped_figures() if name not in ("review", "rules", "indicator")]
)
def test_every_section_has_a_source(section):
    assert shipped_figures()[section]["source"]


def test_a_site_changes_one_figure(site):
    clinical = load_clinical(site("[opioid_free]\nlong = 21\n"))
    assert (clinical.opioid_free.long, clinical.opioid_free.short) == (21, 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dose]\nlow_mg = 'half'\n", r"site.toml: .*\$.dose.low_mg"),
        ("[dose]\nlow_mgs = 1\n", r"low_mgs"),
        ("[label]\nregion = 'UK'\n", r"\$.label.region"),
        ("dose = \n", r"site.toml: "),
        ("[dose]\nlow_mg = 5.0\n", r"dose: .* does not hold"),
        ("[opioid_free]\nlong = -1\n", r"opioid_free.long: -1 days"),
        ("[opioid_free]\nshort = 3\n", r"opioid_free.short: below the label minimum"),
        ("[[titration.schedules]]\nname = 'usual'\nsteps = [[1.5, 0]]\n", r"slow missing"),
        ("[rules]\noff = ['surgry']\n", r"rules.off: unknown topic 'surgry'"),
        ("[indicator]\nlevel = { surgry = 'info' }\n", r"indicator.level: unknown topic 'surgry'"),
        ("[indicator]\nlevel = { surgery = 'loud' }\n", r"\$.indicator.level"),
        ("[indicator]\nlevel = { surgery = 'info' }\n", r"surgery: info lowers; that needs accept_lower"),
        ("[indicator]\nlevel = { liver = 'warning' }\n", r"liver: can be critical; another level needs"),
    ],
)
def test_what_does_not_fit_is_named(site, text, said):
    with pytest.raises(ValueError, match=said):
        load_clinical(site(text))


SLOW = "[[titration.schedules]]\nname = 'slow'\nsteps = [[0.5, 0]]\n"
USUAL = "[[titration.schedules]]\nname = 'usual'\nsteps = {}\n" + SLOW


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[[1.5, 14]]", "every step needs days, the last one 0"),
        ("[[1.5, 0], [3.0, 0]]", "every step needs days"),
        ("[[3.0, 14], [1.5, 0]]", "doses must rise"),
        ("[[1.5, 14], [9.0, 0]]", "stay within 6 mg"),
        ("[]", "every step needs days"),
    ],
)
def test_a_schedule_that_does_not_fit_is_named(site, steps, said):
    with pytest.raises(ValueError, match=f"titration.schedules.usual: .*{said}"):
        load_clinical(site(USUAL.format(steps)))


def test_topics_that_can_be_critical_are_topics():
    assert set(titles()) >= CAN_BE_CRITICAL


@pytest.mark.parametrize(
    ("text", "topic", "found", "shown"),
    [
        ("", "surgery", "info", "info"),
        ("level = { surgery = 'warning' }", "surgery", "info", "warning"),
        ("level = { surgery = 'warning' }", "surgery", "critical", "critical"),
        ("level = { surgery = 'warning' }", "age", "info", "info"),
        ("level = { liver = 'critical' }", "liver", "warning", "critical"),
        ("accept_lower = true\nlevel = { liver = 'info' }", "liver", "critical", "info"),
    ],
)
def test_a_site_says_how_loudly_a_topic_speaks(site, text, topic, found, shown):
    assert load_clinical(site(f"[indicator]\n{text}\n")).indicator.shown(topic, found) == shown


# --- effective values ---------------------------------------------------------------------------


def test_effective_values_tell_where_they_come_from(site):
    path = site("[kidney]\negfr = 20.0\n[indicator]\nlevel = { surgery = 'warning' }\n")
    said = run("figures", "--site", str(path)).output
    assert f"kidney.egfr = 20.0    <- {path}; shipped: 30.0" in said
    assert f"indicator.level.surgery = 'warning'    <- {path}\n" in said
    assert "opioid_free.short = 10\n" in said
    assert "2 of them from a site's file" in said


def test_without_a_site_every_figure_is_shipped(monkeypatch):
    monkeypatch.delenv("SITE_FILE", raising=False)
    assert "<-" not in run("figures").output


def test_a_site_file_that_does_not_fit_is_told(site):
    result = run("figures", "--site", str(site("[kidney]\negfr = 'low'\n")))
    assert result.exit_code == 1
    assert "$.kidney.egfr" in result.stderr
