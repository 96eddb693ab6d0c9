"""Channels of alerts on real servers: what is sent, how it looks, that nothing secret is in it, and what happens when they fail."""

import logging
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from resources.alerts import Alert, Alerts, Link, Notice, Phase
from resources.alerts.mail import Mail
from resources.alerts.slack import payload
from tests import receiving
from tests.receiving import PASSWORD, USER, MailServer, Sink

ALERT = Alert(
    key="run:month:2026-05",
    kind="quality_gate",
    severity="critical",
    subject="2026-05",
    title="stopped by the quality gate (2 checks)",
    details=("schema: 3 of 60", "nog_unico: 1 of 60", "version 20260601T010101-0123456789ab stays public"),
    link=Link("Run", "https://dagster.example.gt/runs/86057076"),
    since=datetime(2026, 6, 2, 9, 12, tzinfo=UTC),
    run_id="86057076",
)
NOTICE = Notice(
    Phase.NEW,
    "critical",
    f"{ALERT.subject}: {ALERT.title}",
    (ALERT,),
    runbook="docs/operators/runbook.md#quality_gate",
    id="first",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with receiving.mail_server(tmp_path) as found:
        yield found


@pytest.fixture
def sink() -> Iterator[Sink]:
    with receiving.sink() as found:
        yield found


@pytest.fixture
def by_mail(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """The environment of who sends mail by that server."""
    for name, value in {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_USER": USER,
        "SMTP_PASSWORD": PASSWORD,
        "MAIL_FROM": "alertas@guatecompras.example",
        "MAIL_TO": "guardia@example.gt, jefa@example.gt",
    }.items():
        monkeypatch.setenv(f"GUATECOMPRAS_ALERT_{name}", value)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    return server


@pytest.fixture
def by_webhook(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Sink:
    monkeypatch.setenv("GUATECOMPRAS_ALERT_WEBHOOK", sink.url)
    return sink


def test_a_mail_goes_out_encrypted_to_all_with_all_that_helps(by_mail: MailServer) -> None:
    assert Alerts().send(NOTICE) == {}
    (mail,) = by_mail.box.got
    assert by_mail.box.encrypted == [True]
    assert by_mail.box.to == [["guardia@example.gt", "jefa@example.gt"]]
    assert mail["Subject"] == "[guatecompras] CRITICAL 2026-05: stopped by the quality gate (2 checks)"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert _text(mail).splitlines() == [
        "2026-05: stopped by the quality gate (2 checks)",
        "",
        "schema: 3 of 60",
        "nog_unico: 1 of 60",
        "version 20260601T010101-0123456789ab stays public",
        "Since: 2026-06-02 03:12 (Guatemala)",
        "Run: https://dagster.example.gt/runs/86057076",
        "",
        "What to do: docs/operators/runbook.md#quality_gate",
    ]


def _text(mail: EmailMessage) -> str:
    assert mail.get_content_type() == "text/plain"
    content = mail.get_content()
    assert isinstance(content, str)
    return content


def test_mails_of_the_same_fault_hang_together(by_mail: MailServer) -> None:
    Alerts().send(NOTICE)
    Alerts().send(Notice(Phase.RESOLVED, "info", "2026-05: it passed", (ALERT,), id="second", refers=("first",)))
    first, second = by_mail.box.got
    assert first["Message-ID"] == "<first@guatecompras.alerts>"
    assert second["References"] == second["In-Reply-To"] == first["Message-ID"]
    assert second["Subject"] == "[guatecompras] RESOLVED 2026-05: it passed"
    assert "X-Priority" in first
    assert "X-Priority" not in second


def test_nobody_writes_headers_or_lines_of_the_log(by_mail: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    evil = "x\r\nBcc: ladron@example.org\r\n\r\nhola\u2028\x1b[2J"
    told = Alert(evil, "run_failed", "critical", evil, evil, (evil,))
    assert Alerts().send(Notice(Phase.NEW, "critical", evil, (told,), id="evil")) == {}
    (mail,) = by_mail.box.got
    assert mail["Bcc"] is None
    assert by_mail.box.to == [["guardia@example.gt", "jefa@example.gt"]]
    assert mail["Subject"] == "[guatecompras] CRITICAL x Bcc: ladron@example.org hola [2J"
    assert "\x1b" not in _text(mail)
    (line,) = [record.message for record in caplog.records if record.name == "guatecompras.alerts"]
    assert line.isprintable()


def test_a_slack_message_has_the_title_the_details_and_the_link(by_webhook: Sink) -> None:
    assert Alerts().send(NOTICE) == {}
    (posted,) = by_webhook.got
    headline = "[guatecompras] CRITICAL 2026-05: stopped by the quality gate (2 checks)"
    assert posted["text"] == f":red_circle: {headline}"
    header, section, context = posted["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": headline, "emoji": True}}
    assert section["text"]["text"].splitlines() == [
        ":red_circle: *2026-05: stopped by the quality gate (2 checks)*",
        "schema: 3 of 60",
        "nog_unico: 1 of 60",
        "version 20260601T010101-0123456789ab stays public",
        "Since: 2026-06-02 03:12 (Guatemala)",
        "<https://dagster.example.gt/runs/86057076|Run>",
    ]
    assert context["elements"][0]["text"] == "What to do: docs/operators/runbook.md#quality_gate"


def test_a_slack_message_keeps_to_slacks_bounds_and_mentions_nobody() -> None:
    alert = Alert("k", "run_failed", "critical", "<!channel> & co", "y" * 400, ("z" * 5000,) * 3, ALERT.link)
    made = payload(Notice(Phase.NEW, "critical", "t" * 400, (alert,) * 100, id="long"))
    assert len(made["blocks"]) <= 50
    assert len(made["blocks"][0]["text"]["text"]) <= 150
    texts = [block["text"]["text"] for block in made["blocks"][1:]]
    assert all(len(text) <= 3000 for text in texts)
    assert texts[0].endswith("<https://dagster.example.gt/runs/86057076|Run>")
    assert "<!channel>" not in str(made)
    assert texts[-1] == "… and 60 more"


def test_one_channel_that_fails_keeps_no_other_from_being_tried(
    by_mail: MailServer, by_webhook: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    by_mail.box.refuse = {"guardia@example.gt", "jefa@example.gt"}
    faults = Alerts().send(NOTICE)
    assert list(faults) == ["mail"]
    assert len(by_webhook.got) == 1
    assert "ALERT not sent by mail: mail server 127.0.0.1" in caplog.text

    by_mail.box.refuse, by_webhook.status = set(), 404
    faults = Alerts().send(NOTICE)
    assert faults == {"webhook": "HTTP 404"}
    assert len(by_mail.box.got) == 1


def test_a_recipient_that_is_refused_is_told(by_mail: MailServer) -> None:
    by_mail.box.refuse = {"jefa@example.gt"}
    assert "jefa@example.gt" in Alerts().send(NOTICE)["mail"]
    assert by_mail.box.to == [["guardia@example.gt"]]


def test_what_is_secret_is_nowhere(
    by_mail: MailServer, by_webhook: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    planted = {
        "GUATECOMPRAS_DAGSTER_POSTGRES": "postgresql+psycopg2://dagster:clave%2Dde%2Dbase@db/dagster",
        "GUATECOMPRAS_CKAN_TOKEN": "ficha-de-ckan",
        "AWS_SECRET_ACCESS_KEY": "llave-de-aws",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    leak = " ".join([*planted.values(), "clave-de-base", PASSWORD, by_webhook.url, "https://u:otra-clave@h/x"])
    told = Alert("k", "run_failed", "critical", "2026-05", f"failed: {leak}", (leak,))
    notice = Notice(Phase.NEW, "critical", f"2026-05: {leak}", (told,), id="leak")
    assert Alerts().send(notice) == {}
    by_mail.box.refuse = {"guardia@example.gt", "jefa@example.gt"}
    by_webhook.status = 404
    assert set(Alerts().send(notice)) == {"mail", "webhook"}
    everything = " ".join([str(by_mail.box.got[0]), _text(by_mail.box.got[0]), str(by_webhook.got), caplog.text])
    everything += repr(Alerts().channels())
    for secret in ("clave-de-base", "clave%2Dde%2Dbase", "ficha-de-ckan", "llave-de-aws", PASSWORD, "un-secreto-del-canal",
                   "otra-clave"):  # fmt: skip
        assert secret not in everything
    assert "***" in everything


def test_a_wrong_password_is_told_without_it(by_mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_PASSWORD", "no-es-esa")
    fault = Alerts().send(NOTICE)["mail"]
    assert "SMTPAuthenticationError 535" in fault
    assert "no-es-esa" not in fault
    assert by_mail.box.got == []


def test_a_password_comes_from_a_file(by_mail: MailServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.delenv("GUATECOMPRAS_ALERT_SMTP_PASSWORD")
    monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    assert Alerts().send(NOTICE) == {}
    assert len(by_mail.box.got) == 1


def test_nothing_goes_to_a_server_that_nobody_vouches_for(by_mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "CERTIFICATE_VERIFY_FAILED" in Alerts().send(NOTICE)["mail"]
    assert by_mail.box.got == []


def test_nothing_goes_in_the_clear_to_a_server_without_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with receiving.mail_server(tmp_path, tls=False, login=False) as server:
        monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_PORT", str(server.port))
        monkeypatch.setenv("GUATECOMPRAS_ALERT_MAIL_FROM", "a@example.gt")
        monkeypatch.setenv("GUATECOMPRAS_ALERT_MAIL_TO", "b@example.gt")
        assert "SMTPNotSupportedError" in Alerts().send(NOTICE)["mail"]
        assert server.box.got == []
        monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_SECURITY", "none")
        assert Alerts().send(NOTICE) == {}
        assert len(server.box.got) == 1


def test_a_server_that_is_not_there_is_told_in_one_line(by_mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        monkeypatch.setenv("GUATECOMPRAS_ALERT_SMTP_PORT", str(taken.getsockname()[1]))
        fault = Alerts().send(NOTICE)["mail"]
    assert "ConnectionRefusedError" in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SMTP_PORT", "abc", "'abc' is not a port"),
        ("SMTP_SECURITY", "ssl3", "'ssl3' is none of starttls, tls, none"),
        ("SMTP_SECURITY", "none", "without a login"),
        ("MAIL_TO", "", "GUATECOMPRAS_ALERT_MAIL_TO is not set"),
        ("MAIL_TO", "guardia@example.gt\r\nBcc: x@y.gt", "is not an e-mail address"),
        ("MAIL_FROM", "nadie", "'nadie' is not an e-mail address"),
        ("WEBHOOK", "ftp://x/un-secreto", "GUATECOMPRAS_ALERT_WEBHOOK is not an http(s) address"),
    ],
)
def test_a_channel_that_is_set_up_wrongly_says_so_and_stops_no_other(
    by_mail: MailServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    monkeypatch.setenv(f"GUATECOMPRAS_ALERT_{name}", value)
    (told,) = Alerts().send(NOTICE).values()
    assert fault in told
    assert "un-secreto" not in told


def test_without_any_setting_the_log_is_the_only_channel(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in [name for name in os.environ if name.startswith("GUATECOMPRAS_ALERT_")]:
        monkeypatch.delenv(name)
    assert Mail.from_environment() is None
    assert Alerts().send(NOTICE) == {}
    assert caplog.record_tuples == [
        (
            "guatecompras.alerts",
            logging.ERROR,
            "ALERT [guatecompras] CRITICAL 2026-05: stopped by the quality gate (2 checks): schema: 3 of 60; nog_unico: 1 of 60; "
            "version 20260601T010101-0123456789ab stays public; Since: 2026-06-02 03:12 (Guatemala); "
            "Run: https://dagster.example.gt/runs/86057076; what to do: docs/operators/runbook.md#quality_gate",
        )
    ]
