"""Where alerts go when a run fails. Now the log; e-mail and webhooks join here. When to alert is the sensors' business."""

import logging

import dagster as dg

log = logging.getLogger("guatecompras.alerts")


class Alerts(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Sends one alert to every channel that is set up."""

    def send(self, title: str, body: str) -> None:
        """Write the alert to the log, as one line, at level ERROR."""
        log.error("ALERT %s: %s", title, " ".join(body.split()))
