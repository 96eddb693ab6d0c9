"""An alert, and the notice that tells of it: what it says, as plain text and in one line. How it is carried is a channel's.

Whatever is told is free of control characters and of the environment's secrets, wherever its words came from.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from urllib.parse import unquote, urlsplit

from guatecompras.addresses import hiding
from guatecompras.months import UTC_OFFSET

PREFIX = "[guatecompras]"
_LONGEST_LINE, _LONGEST_TITLE = 600, 150
# Variables whose value is, or may be, worth hiding.
_SECRET_NAME = re.compile(r"^(GUATECOMPRAS|AWS|DAGSTER|PG)\w*?(PASSWORD|SECRET|TOKEN|KEY|WEBHOOK|HOOK)", re.IGNORECASE)
_NAMED = re.compile(r"^(GUATECOMPRAS|DAGSTER)_")
_USER_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/]*@")
_SHORTEST_SECRET = 4


class Phase(Enum):
    """Why something is told now."""

    NEW = ""
    REMINDER = "STILL"
    RESOLVED = "RESOLVED"
    DIGEST = "DIGEST"
    TEST = "TEST"


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Alert:
    """What is wrong now. `key`: what it is about, the same while it holds; `subject`: a month or a job; `title`: one line without
    the subject; `details`: lines; `since`: when it was first seen, where that is known; `link`: to the run."""

    key: str
    kind: str
    severity: str
    subject: str
    title: str
    details: tuple[str, ...] = ()
    link: Link | None = None
    since: datetime | None = None
    run_id: str = ""


@dataclass(frozen=True)
class Notice:
    """One message, of one alert or of several of a kind. `id`: the same for the same message, sent once more; `refers`: ids of the
    messages that it follows; `now`: when it is told, to say how long it has been so."""

    phase: Phase
    severity: str
    title: str
    alerts: tuple[Alert, ...] = ()
    runbook: str = ""
    id: str = ""
    refers: tuple[str, ...] = ()
    intro: tuple[str, ...] = ()
    now: datetime | None = None

    @property
    def headline(self) -> str:
        """One line for a subject, with how bad it is."""
        word = self.phase.value or self.severity.upper()
        return shortened(clean(f"{PREFIX} {word} {self.title}"), _LONGEST_TITLE)

    @property
    def summary(self) -> str:
        """All of it for one line of a log."""
        told = [*self.intro, *("; ".join(self._lines(alert)) for alert in self.alerts)]
        return clean("; ".join([*told, *([f"what to do: {self.runbook}"] if self.runbook else [])]))

    @property
    def text(self) -> str:
        """The plain text of a mail."""
        parts = [[clean(self.title)], [clean(line) for line in self.intro]]
        parts += [self._lines(alert) for alert in self.alerts]
        parts += [[f"What to do: {self.runbook}"]] if self.runbook else []
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def facts(self, alert: Alert) -> list[str]:
        """The lines of an alert, without its title and its link."""
        since = [f"Since: {local(alert.since)} (Guatemala){self._for(alert.since)}"] if alert.since else []
        run = [f"Run: {alert.run_id}"] if alert.run_id and not alert.link else []
        return [shortened(clean(line), _LONGEST_LINE) for line in (*alert.details, *since, *run)]

    def _for(self, since: datetime) -> str:
        days = (self.now - since).days if self.now else 0
        return f", for {days} day{'' if days == 1 else 's'}" if days > 0 else ""

    def _lines(self, alert: Alert) -> list[str]:
        title = [] if len(self.alerts) == 1 else [shortened(clean(f"{alert.subject}: {alert.title}"), _LONGEST_LINE)]
        link = [clean(f"{alert.link.label}: {alert.link.url}")] if alert.link else []
        return [*title, *self.facts(alert), *link]


def identity(*words: str) -> str:
    """A short name that is the same for the same words."""
    return blake2b("\n".join(words).encode(), digest_size=10).hexdigest()


def local(moment: datetime) -> str:
    """As an operator in Guatemala reads it."""
    return moment.astimezone(UTC_OFFSET).strftime("%Y-%m-%d %H:%M")


def one_line(text: str) -> str:
    """Without line ends and other control characters: nothing that was read somewhere begins a header or a line of a log."""
    return " ".join("".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text).split())


def clean(text: str) -> str:
    """One line, with the environment's secrets hidden."""
    return one_line(hidden(text))


def hidden(text: str) -> str:
    """The text without what is secret in this process' environment, and without passwords in addresses."""
    return _USER_PASSWORD.sub(r"\1***@", hiding(*_secrets())(text))


def _secrets() -> set[str]:
    found = set()
    for name, value in os.environ.items():
        if _SECRET_NAME.match(name):
            found.add(value)
        if _NAMED.match(name) and "://" in value:
            password = _password(value)
            found |= {password, unquote(password)}
    return {value for value in found if len(value) >= _SHORTEST_SECRET}


def _password(address: str) -> str:
    try:
        return urlsplit(address).password or ""
    except ValueError:
        return ""


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
