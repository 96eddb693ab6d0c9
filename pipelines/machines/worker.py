"""What a worker's machine runs: `celery -A pipelines.machines.worker worker`. Each task is one Dagster run, from start to end.

dagster-celery's own command would write the broker's address, password and all, into a file at each start.
"""

import logging
import time
from typing import Any

from celery import Task
from celery.exceptions import Reject
from dagster_celery.tasks import create_execute_job_task

from guatecompras.errors import GuatecomprasError
from pipelines.machines.broker import application

_log = logging.getLogger(__name__)

# Until a machine that gave a run back takes one again.
_PAUSE_SECONDS = 15.0


class Run(Task):  # type: ignore[misc]  # Celery has no types
    """A run, on a machine that reaches the publication. One that does not would fail month after month; it gives them back."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Not before the process is forked: threads of the libraries do not survive that.
        from resources.settings import StoreResource  # noqa: PLC0415

        try:
            StoreResource().open().index()
        except GuatecomprasError as error:
            _log.warning("this machine takes no run now, another one may: %s", error)
            time.sleep(_PAUSE_SECONDS)
            raise Reject(str(error), requeue=True) from error
        return super().__call__(*args, **kwargs)


app = application()
# A month that is done stays done: its end is told when the broker is there again.
app.conf.result_backend_always_retry = True
execute_job = create_execute_job_task(app, base=Run)  # type: ignore[arg-type]  # declared as a dict
