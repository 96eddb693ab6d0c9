"""Where alerts go: the log, e-mail, a webhook in Slack's form. What an alert is and how it reads stands in `notice.py`; when one is
due, and what was told already, is `pipelines/watching/`'s.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import dagster as dg

from guatecompras.errors import GuatecomprasError
from resources.alerts.mail import Mail
from resources.alerts.notice import Alert, Link, Notice, Phase, one_line
from resources.alerts.slack import Slack

__all__ = ["Alert", "Alerts", "Channel", "Link", "Notice", "Phase"]

log = logging.getLogger("guatecompras.alerts")

_LEVELS = {Phase.RESOLVED: logging.WARNING, Phase.DIGEST: logging.WARNING, Phase.TEST: logging.WARNING}


class Channel(Protocol):
    """One way to somebody. `send` raises GuatecomprasError, one line without secrets, when a notice was not taken."""

    def send(self, notice: Notice) -> None: ...


class Log:
    """The log, which is always there: one line a notice, at level ERROR when something is wrong."""

    def send(self, notice: Notice) -> None:
        # Below WARNING, Dagster's own default would swallow it.
        log.log(_LEVELS.get(notice.phase, logging.ERROR), "ALERT %s", f"{notice.headline}: {notice.summary}")


class _Unusable:
    """A channel that is set up wrongly: it says so each time, instead of keeping the others from being tried."""

    def __init__(self, fault: GuatecomprasError) -> None:
        self._fault = fault

    def send(self, notice: Notice) -> None:
        raise self._fault


_KINDS: dict[str, Callable[[], Channel | None]] = {"mail": Mail.from_environment, "webhook": Slack.from_environment}


class Alerts(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The channels that the environment sets up (GUATECOMPRAS_ALERT_…), and the log."""

    def channels(self) -> dict[str, Channel]:
        """By name; the log first."""
        found: dict[str, Channel] = {"log": Log()}
        for name, kind in _KINDS.items():
            try:
                channel = kind()
            except GuatecomprasError as error:
                found[name] = _Unusable(error)
                continue
            if channel is not None:
                found[name] = channel
        return found

    def send(
        self, notice: Notice, names: Iterable[str] | None = None, channels: Mapping[str, Channel] | None = None
    ) -> dict[str, str]:
        """Send by these channels (None: all): each that did not take it, and why. One that fails keeps none from being tried."""
        there = self.channels() if channels is None else channels
        faults = {}
        for name in there if names is None else names:
            try:
                there[name].send(notice)
            except GuatecomprasError as error:
                faults[name] = one_line(str(error))
                # Its one line says all; a traceback could hold an address.
                log.error("ALERT not sent by %s: %s (%s)", name, faults[name], notice.headline)  # noqa: TRY400
        return faults
