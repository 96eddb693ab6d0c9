"""Why a run failed, in one line: what the command prints and the alert says. Who is told is `cli.py`'s and `sensors.py`'s."""

from collections.abc import Iterable

import dagster as dg

INTERRUPTED = "interrupted"


def reason_of(events: Iterable[dg.DagsterEvent]) -> str:
    """The reason of a run's first failed step: our own errors as they are, others with their kind.

    INTERRUPTED when the process was asked to stop; empty when no step failed.
    """
    for event in events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return " ".join(data.user_failure_data.description.split())
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            if error.cls_name == "DagsterExecutionInterruptedError":
                return INTERRUPTED
            return f"unexpected error in {event.step_key}: {' '.join(error.message.split())[:500]}"
    return ""
