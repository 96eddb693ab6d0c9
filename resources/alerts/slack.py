"""Alerts by webhook, in Slack's form (`text` and `blocks`), which Mattermost and Rocket.Chat take too. The address is a secret."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.variables import Variable
from resources.alerts.notice import Notice, Phase, clean, shortened
from resources.alerts.secrets import secret
from resources.webhooks import Webhooks

ADDRESS = "GUATECOMPRAS_ALERT_WEBHOOK"
VARIABLES = (
    Variable(
        ADDRESS,
        f"address that alerts are posted to in Slack's form; or `{ADDRESS}_FILE`, a file that holds it; none: no webhook",
        secret=True,
    ),
)

# A sensor has a minute for all it does; who is not there now is tried again by the next look.
_TIMEOUTS, _TRIES = (5.0, 10.0), 2
# Slack's own bounds: characters in a header and in a section; sections beside the two of ours.
_HEADER, _SECTION, _SECTIONS = 150, 3000, 40
_MARKS = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":information_source:"}
_PHASES = {Phase.RESOLVED: ":white_check_mark:", Phase.DIGEST: ":clipboard:", Phase.TEST: ":wrench:"}


@dataclass(frozen=True)
class Slack:
    """Posts to one address, which is in no message and no representation."""

    address: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> "Slack | None":
        """None where no address is set. Raises GuatecomprasError for one that will not do."""
        address = secret(ADDRESS)
        if not address:
            return None
        try:
            parts = urlsplit(address)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise GuatecomprasError(f"{ADDRESS} is not an http(s) address")
        return cls(address)

    def send(self, notice: Notice) -> None:
        """Raises NotTakenError, which does not tell the address."""
        Webhooks(_TIMEOUTS, tries=_TRIES).post(self.address, notice.id, orjson.dumps(payload(notice)))


def payload(notice: Notice) -> dict[str, Any]:
    """What is posted: `text` for a telephone's notification, `blocks` for the channel."""
    mark = _PHASES.get(notice.phase) or _MARKS[notice.severity]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": shortened(notice.headline, _HEADER), "emoji": True}}
    ]
    if notice.intro:
        blocks.append(_section("\n".join(_escaped(line) for line in notice.intro)))
    for alert in notice.alerts[:_SECTIONS]:
        told = "\n".join(_escaped(line) for line in notice.facts(alert))
        link = f"\n<{_escaped(alert.link.url)}|{_escaped(alert.link.label)}>" if alert.link else ""
        title = f"{mark} *{_escaped(f'{alert.subject}: {alert.title}')}*"
        blocks.append(_section(shortened(f"{title}\n{told}".strip(), _SECTION - len(link)) + link))
    if left := len(notice.alerts) - _SECTIONS:
        blocks += [_section(f"… and {left} more")] if left > 0 else []
    if notice.runbook:
        told = f"What to do: {_escaped(notice.runbook)}"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": told}]})
    return {"text": f"{mark} {_escaped(notice.headline)}", "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """As Slack asks: nothing of ours is a mention or a link by accident."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
