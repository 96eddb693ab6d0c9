"""The runbook: an entry for each alert and an alert for each entry, each with all that it should say."""

import re

import pytest

from guatecompras.variables import Variable
from pipelines.definitions import build_definitions
from pipelines.watching import conditions, telling
from pipelines.watching.kinds import KINDS, RUNBOOK, runbook
from pipelines.watching.runs import ASSETS, JOBS
from resources.alerts import mail, slack
from resources.settings import PROJECT

TEXT = (PROJECT / RUNBOOK).read_text()
ENTRIES = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL))
RULES = (PROJECT / "pipelines" / "deploy" / "prometheus" / "alerts.yml").read_text()
PARTS = (
    "**What it means.**",
    "**What still works.**",
    "**First look.**",
    "**Usual causes, and what to do.**",
    "**Whom to wake.**",
)


def _rules() -> set[str]:
    names = re.findall(r"alert: (\w+)", RULES)
    return {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in names} - {"alert_holds"}


def test_each_alert_has_an_entry_and_each_entry_an_alert() -> None:
    assert set(ENTRIES) == set(KINDS) | _rules()


def test_each_rule_leads_to_its_entry() -> None:
    told = set(re.findall(rf"{re.escape(RUNBOOK)}#(\w+)", RULES))
    assert told == _rules()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_all(name: str) -> None:
    found = [ENTRIES[name].find(part) for part in PARTS]
    assert -1 not in found
    assert found == sorted(found)


def test_links_inside_lead_somewhere() -> None:
    assert set(re.findall(r"\(#(\w+)\)", TEXT)) <= set(ENTRIES)
    for kind in KINDS:
        assert runbook(kind) == f"{RUNBOOK}#{kind}"


def test_every_job_of_ours_is_watched() -> None:
    assert {*JOBS} - {ASSETS} == {job.name for job in build_definitions().jobs or []}


def test_what_can_be_set_is_declared_where_it_is_read() -> None:
    declared = [*conditions.VARIABLES, *telling.VARIABLES, *mail.VARIABLES, *slack.VARIABLES]
    assert all(isinstance(one, Variable) and one.meaning for one in declared)
    assert {one.name for one in declared if one.secret} == {
        "GUATECOMPRAS_ALERT_SMTP_PASSWORD",
        "GUATECOMPRAS_ALERT_WEBHOOK",
    }
