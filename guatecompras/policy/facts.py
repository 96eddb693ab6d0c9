"""What a policy is generated from beside the code: who publishes, what is public now, how good the newest month is.

Who gives them reads a publication; nothing here does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from guatecompras.months import SPANISH, UTC_OFFSET, Month
from guatecompras.personal import WITHHELD, load
from guatecompras.personal import Policy as Personal
from guatecompras.settings import LICENSE

Json = Mapping[str, Any]
# The file of one of the newest month's flat tables, by the table's name.
Tables = Callable[[str], Path]

_NONE = "ningún mes todavía"


@dataclass(frozen=True)
class PublishedMonth:
    """A month as the index has it: `month` is YYYY-MM, `published` when its version became public, `counts` of its content."""

    month: str
    version: str
    published: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Facts:
    """`months`: newest first; `quality`: the newest month's `quality.json`, None where nothing is public; `tables`: its tables,
    None where nothing is to be measured on them; `personal`: the policy on personal data that was applied to it."""

    base_url: str
    contact: str
    publisher: str
    publisher_uri: str
    months: tuple[PublishedMonth, ...] = ()
    quality: Json | None = None
    tables: Tables | None = None
    personal: Personal = field(default_factory=load)

    @property
    def latest(self) -> PublishedMonth | None:
        return self.months[0] if self.months else None

    @property
    def as_of(self) -> datetime | None:
        """The newest data of the newest month, Guatemala's time."""
        return datetime.fromisoformat(self.quality["as_of"]).astimezone(UTC_OFFSET) if self.quality else None

    def words(self) -> dict[str, str]:
        """What the prose of the policy may name in braces."""
        concursos = sum(month.counts.get("concursos", 0) for month in self.months)
        return {
            "publisher": self.publisher,
            "publisher_uri": self.publisher_uri,
            "base_url": self.base_url.rstrip("/"),
            "license": LICENSE,
            "personal_published": _rules(self.personal, published=True),
            "personal_withheld": _rules(self.personal, published=False),
            "withheld": WITHHELD,
            "contact_words": _contact(self.contact, self.publisher_uri),
            "months_count": f"{len(self.months):,} {'mes' if len(self.months) == 1 else 'meses'}",
            "concursos_count": f"{concursos:,}",
            "first_words": Month.parse(self.months[-1].month).in_spanish if self.months else _NONE,
            "latest_words": Month.parse(self.months[0].month).in_spanish if self.months else _NONE,
            "as_of": moment_words(self.as_of) if self.as_of else _NONE,
            "as_of_day": day_words(self.as_of) if self.as_of else _NONE,
        }


def _rules(policy: Personal, *, published: bool) -> str:
    """The rules by which something is published, or is not, as a list of the policy's prose."""
    lines = [f"- **{rule.title}.** {rule.reason} ({rule.basis})" for rule in policy.rules if rule.publish == published]
    return "\n".join(lines) or "Nada."


def day_words(moment: date) -> str:
    """`5 de mayo de 2026`."""
    return f"{moment.day} de {SPANISH[moment.month - 1]} de {moment.year}"


def moment_words(moment: datetime) -> str:
    """`5 de mayo de 2026, a las 01:00`, Guatemala's time."""
    local = moment.astimezone(UTC_OFFSET)
    return f"{day_words(local)}, a las {local:%H:%M}"


def _contact(contact: str, uri: str) -> str:
    """An address as a link of the policy's prose."""
    if not contact:
        return f"por los medios que se indican en [{uri}]({uri})"
    return f"[{contact}](mailto:{contact})" if "@" in contact and "://" not in contact else f"[{contact}]({contact})"
