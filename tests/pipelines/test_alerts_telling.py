"""Who is told what, and when: once while it holds, again after a while, when it is over, after a crash, in the daily digest."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from guatecompras.errors import GuatecomprasError
from guatecompras.stores import LocalStore
from pipelines.cli import main
from pipelines.sensors import failed_runs_sensor, watch_sensor
from pipelines.watching import look as looking
from pipelines.watching.look import look
from pipelines.watching.memory import recall
from resources.alerts import Alerts
from resources.settings import StoreResource
from tests import receiving
from tests.pipelines.recorded import record
from tests.pipelines.test_alerts_conditions import FAILURE, _publish, at, instance
from tests.receiving import MailServer, Sink

__all__ = ["instance"]
MAY, JUNE = "2026-05", "2026-06"


@pytest.fixture
def place(store: Path) -> LocalStore:
    made = LocalStore(store)
    _publish(made, MAY, at(2))
    return made


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    with receiving.mail_server(tmp_path, tls=False, login=False) as server:
        for name, value in {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(server.port),
            "SMTP_SECURITY": "none",
            "MAIL_FROM": "alertas@example.gt",
            "MAIL_TO": "guardia@example.gt",
        }.items():
            monkeypatch.setenv(f"GUATECOMPRAS_ALERT_{name}", value)
        yield server


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    with receiving.sink() as made:
        monkeypatch.setenv("GUATECOMPRAS_ALERT_WEBHOOK", made.url)
        yield made


def _subjects(server: MailServer) -> list[str]:
    """Since the last time that they were asked for."""
    found = [str(mail["Subject"]).removeprefix("[guatecompras] ") for mail in server.box.got]
    server.box.got.clear()
    return found


def test_an_alert_is_told_once_reminded_and_told_to_be_over(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer
) -> None:
    def after(hours: float) -> list[str]:
        look(instance, place, Alerts(), at(4, 8) + timedelta(hours=hours))
        return _subjects(mail)

    assert after(0) == []
    record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
    assert after(1) == ["CRITICAL 2026-06: month failed"]
    first = recall(instance).entries[f"run:month:{JUNE}"].thread
    assert after(2) == []
    # Another attempt that fails is the same fault.
    record(instance, "month", JUNE, at(4, 10), at(4, 11), FAILURE, "again")
    assert after(6) == []
    assert [subject for subject in after(25) if "DIGEST" not in subject] == ["STILL 2026-06: month failed"]
    assert after(26) == []
    record(instance, "month", JUNE, at(5, 10), at(5, 11))
    look(instance, place, Alerts(), at(5, 12))
    (over,) = mail.box.got
    assert over["References"] == f"<{first}@guatecompras.alerts>"
    assert _subjects(mail) == ["RESOLVED 2026-06: it succeeded (failed before)"]
    assert recall(instance).entries == {}
    # When it returns it is news.
    record(instance, "month", JUNE, at(5, 13), at(5, 13), FAILURE)
    look(instance, place, Alerts(), at(5, 14))
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed"]


def test_hours_of_reminders_can_be_set(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUATECOMPRAS_ALERT_REPEAT_HOURS", "2")
    record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
    for hour in (8, 9, 10, 11, 12):
        look(instance, place, Alerts(), at(4, hour))
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed", *["STILL 2026-06: month failed"] * 2]
    monkeypatch.setenv("GUATECOMPRAS_ALERT_REPEAT_HOURS", "often")
    with pytest.raises(GuatecomprasError, match="'often' is not a number of hours"):
        look(instance, place, Alerts(), at(4, 13))


def test_many_that_fail_one_after_another_are_two_messages(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer
) -> None:
    for number in range(8):
        record(instance, "reports", f"2025-{number + 1:02d}", at(4, 8), at(4, 8), FAILURE)
        look(instance, place, Alerts(), at(4, 8) + timedelta(seconds=10 * number))
    assert _subjects(mail) == ["CRITICAL 2025-01: reports failed"]
    look(instance, place, Alerts(), at(4, 9))
    assert "2025-08: reports failed" in mail.box.got[0].get_content()
    assert _subjects(mail) == ["CRITICAL 7 runs failed"]


def test_a_channel_that_was_down_hears_it_later_and_the_others_do_not_hear_it_twice(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer, sink: Sink
) -> None:
    record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
    mail.box.refuse = {"guardia@example.gt"}
    for hour in (9, 10):
        look(instance, place, Alerts(), at(4, hour))
    assert (len(mail.box.got), len(sink.got)) == (0, 1)
    mail.box.refuse = set()
    look(instance, place, Alerts(), at(4, 11))
    assert (_subjects(mail), len(sink.got)) == (["CRITICAL 2026-06: month failed"], 1)
    # Of what was over before a channel could be told, it is told nothing.
    record(instance, "index", "", at(4, 11), at(4, 11), FAILURE)
    mail.box.refuse = {"guardia@example.gt"}
    look(instance, place, Alerts(), at(4, 12))
    record(instance, "index", "", at(4, 12), at(4, 12))
    mail.box.refuse = set()
    look(instance, place, Alerts(), at(4, 13))
    assert (_subjects(mail), len(sink.got)) == ([], 3)


def test_a_crash_after_sending_sends_the_same_message_again_rather_than_none(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
    keep, calls = looking.keep, iter(range(9))

    def dies(*noted: Any) -> None:
        if next(calls) == 1:  # the log was told and that was noted; the mail is on its way
            raise KeyboardInterrupt
        keep(*noted)

    with monkeypatch.context() as patched:
        patched.setattr(looking, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            look(instance, place, Alerts(), at(4, 9))
    for hour in (10, 11):
        look(instance, place, Alerts(), at(4, hour))
    ids = [mail["Message-ID"] for mail in mail.box.got]
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed"] * 2
    assert ids[0] == ids[1]


def test_a_failed_run_that_is_not_kept_any_more_has_not_succeeded(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer
) -> None:
    run_id = record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
    look(instance, place, Alerts(), at(4, 9))
    instance.delete_run(run_id)
    look(instance, place, Alerts(), at(4, 10))
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed"]
    record(instance, "month", JUNE, at(4, 11), at(4, 11))
    look(instance, place, Alerts(), at(4, 12))
    assert _subjects(mail) == ["RESOLVED 2026-06: it succeeded (failed before)"]


def test_what_cannot_be_judged_goes_on_to_hold(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer
) -> None:
    look(instance, place, Alerts(), at(4, 9, month=7))
    assert _subjects(mail) == ["CRITICAL 2026-06: not published in time"]
    index = place.root / "publication" / "index.json"
    told = index.read_bytes()
    index.write_text("{")
    look(instance, place, Alerts(), at(4, 10, month=7))
    assert _subjects(mail) == ["CRITICAL publication: the index cannot be read"]
    index.write_bytes(told)
    look(instance, place, Alerts(), at(4, 11, month=7))
    (over,) = _subjects(mail)
    assert over.startswith("RESOLVED publication: it is as it should be")
    # A run that Dagster runs again by itself is no sign that the fault before it is over.
    record(instance, "month", MAY, at(4, 11, month=7), at(4, 11, month=7), FAILURE)
    look(instance, place, Alerts(), at(4, 12, month=7))
    assert _subjects(mail) == ["CRITICAL 2026-05: month failed"]
    tags = {"dagster/will_retry": "true"}
    record(instance, "month", MAY, at(4, 13, month=7), at(4, 13, month=7), FAILURE, tags=tags)
    look(instance, place, Alerts(), at(4, 14, month=7))
    assert _subjects(mail) == []


def test_a_fault_that_becomes_another_is_told(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer
) -> None:
    look(instance, place, Alerts(), at(4, 9))
    record(instance, "month", JUNE, at(4, 9), at(4, 9), FAILURE)
    look(instance, place, Alerts(), at(4, 10))
    record(instance, "reports", JUNE, at(4, 10), at(4, 10), FAILURE)
    look(instance, place, Alerts(), at(4, 11))
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed", "CRITICAL 2026-06: reports failed"]


def test_the_digest_comes_once_a_day_and_only_when_something_is_wrong(
    instance: dg.DagsterInstance, place: LocalStore, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digests(now: datetime) -> list[str]:
        look(instance, place, Alerts(), now)
        return [subject for subject in _subjects(mail) if subject.startswith("DIGEST")]

    assert digests(at(4, 12)) == []
    assert digests(at(5, 8)) == []
    record(instance, "month", JUNE, at(5, 9), at(5, 9), FAILURE)
    record(instance, "month", MAY, at(5, 9), at(5, 9), FAILURE)
    assert digests(at(5, 10)) == []
    assert digests(at(6, 6)) == []
    assert digests(at(6, 7)) == ["DIGEST 2026-06-06: 2 failed"]
    assert digests(at(6, 8)) == []
    # The daemon was down for a day.
    assert digests(at(8, 3)) == ["DIGEST 2026-06-07: 2 failed"]
    monkeypatch.setenv("GUATECOMPRAS_ALERT_DIGEST", "never")
    assert digests(at(9, 8)) == []
    monkeypatch.setenv("GUATECOMPRAS_ALERT_DIGEST", "always")
    for month in (MAY, JUNE):
        record(instance, "month", month, at(9, 9), at(9, 9))
    assert digests(at(10, 8)) == ["DIGEST 2026-06-10: all is well"]


def test_what_is_told_is_remembered_by_the_home_and_not_by_the_process(
    place: LocalStore, mail: MailServer, tmp_path: Path
) -> None:
    home = tmp_path / "remembering"
    home.mkdir()
    for hour in (9, 10):
        with dg.DagsterInstance.local_temp(str(home)) as instance:
            if hour == 9:
                record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE)
            look(instance, place, Alerts(), at(4, hour))
    assert _subjects(mail) == ["CRITICAL 2026-06: month failed"]


def test_the_sensors_look(instance: dg.DagsterInstance, place: LocalStore, mail: MailServer) -> None:
    run_id = record(instance, "month", "2026-01", at(4, 7), at(4, 8), FAILURE)
    resources = {"alerts": Alerts(), "store": StoreResource(uri=str(place.root))}
    failure = next(
        entry for entry in instance.all_logs(run_id) if entry.dagster_event and entry.dagster_event.is_run_failure
    )
    run = instance.get_run_by_id(run_id)
    assert failure.dagster_event is not None
    assert run is not None
    context = dg.build_run_status_sensor_context(
        "failed_runs", failure.dagster_event, instance, run, resources=resources
    ).for_run_failure()
    failed_runs_sensor(context)
    assert "CRITICAL 2026-01: month failed" in _subjects(mail)
    told = watch_sensor(dg.build_sensor_context(instance=instance), **resources)
    assert isinstance(told, dg.SkipReason)
    assert told.skip_message is not None
    assert "run_failed 2026-01" in told.skip_message
    assert _subjects(mail) == []


def test_the_command_looks_tells_and_tries_the_channels(
    place: LocalStore, mail: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "of the command"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("GUATECOMPRAS_STORE", str(place.root))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        record(instance, "month", JUNE, at(4, 7), at(4, 8), FAILURE, "no space left")

    def watch(*words: str) -> tuple[int, str]:
        ended = CliRunner().invoke(main, ["watch", *words])
        return ended.exit_code, ended.stdout

    for words in ((), ("--tell",), ("--tell",)):
        assert watch(*words)[0] == 0
    told = watch()[1]
    assert "run_failed 2026-06: month failed\n    no space left\n" in told
    assert len([subject for subject in _subjects(mail) if subject == "CRITICAL 2026-06: month failed"]) == 1

    assert watch("--test") == (0, "log: sent\nmail: sent\n")
    assert _subjects(mail) == ["TEST a test of the alerts"]
    mail.box.refuse = {"guardia@example.gt"}
    status, told = watch("--test")
    assert status == 1
    assert "mail: mail server 127.0.0.1" in told
