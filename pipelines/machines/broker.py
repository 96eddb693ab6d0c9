"""The Celery application that spreads runs over machines: one broker, and the same settings for who sends and who works.

Sending and watching runs is `launcher.py`'s business, working on them `worker.py`'s.
"""

import os
from typing import Any

from celery import Celery
from dagster_celery.make_app import make_app

from guatecompras.errors import GuatecomprasError
from pipelines.machines.variables import BACKEND_VARIABLE, BROKER_VARIABLE

QUEUE = "dagster"

# A message is given to another worker when the first one has kept it for so long. That is only for what died without a word:
# it has to be longer than any month, or two work on the same one. (Run monitoring notices a dead worker within a minute or two.)
_REDELIVERED_AFTER = 12 * 3600

_CONFIG: dict[str, Any] = {
    # A worker holds only what it works on: the next month is taken by whoever is free first.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    # A run whose process died is run again by Dagster, as a new run, and not by the broker, as the same one.
    "task_reject_on_worker_lost": False,
    "task_acks_on_failure_or_timeout": True,
    "broker_transport_options": {
        "visibility_timeout": _REDELIVERED_AFTER,
        "socket_timeout": 30,
        "socket_connect_timeout": 10,
        "socket_keepalive": True,
        "health_check_interval": 30,
    },
    # The broker may be away: what is under way goes on, and everybody waits until it is back.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # While a run waits to be sent no other is; about ten minutes.
    "task_publish_retry_policy": {"max_retries": 120, "interval_start": 1, "interval_step": 1, "interval_max": 5},
    "redis_socket_timeout": 30,
    "redis_socket_connect_timeout": 10,
    "result_expires": 7 * 24 * 3600,
    # Memory that the libraries keep goes back to the machine.
    "worker_max_tasks_per_child": 24,
}


def application() -> Celery:
    """The application over the broker of the environment. Raises GuatecomprasError where none is named."""
    broker = os.environ.get(BROKER_VARIABLE, "")
    if not broker:
        raise GuatecomprasError(f"no broker: set {BROKER_VARIABLE} to redis://:PASSWORD@HOST:6379/0")
    given = {
        "broker": broker,
        "backend": os.environ.get(BACKEND_VARIABLE) or broker,
        "config_source": _CONFIG,
        "task_default_queue": QUEUE,
    }
    return make_app(given)  # type: ignore[no-untyped-call]
