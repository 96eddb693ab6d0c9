"""Runs sent to Celery workers on any machine, and watched: a run whose worker is gone fails, so that Dagster runs it again.

How the workers are reached is `broker.py`'s business; when a failed run is run again stands in the home's `dagster.yaml`.
"""

import time
from collections.abc import Mapping
from typing import Any, Self

from celery import states
from dagster import DagsterRun, Field, IntSource
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import RETRY_STRATEGY_TAG
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from pipelines.machines.broker import QUEUE, application

# Seconds for workers to say what they are at.
_ANSWER_SECONDS = 2.0

# What a worker notes of a task whose process ended by a signal, or by an error outside the run.
_PROCESS_DIED = frozenset({states.FAILURE, states.REVOKED})


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, which believes what the result backend says: that a run has started. That stays true when the
    worker's machine burns down, so this one asks the workers themselves.

    `silence_seconds`: for so long no worker may answer for a run until its worker is taken for dead. If it is not (its network
    was cut), two work on the month for a while, which harms nothing: they make the same bytes, and the publication is
    switched once.
    """

    def __init__(self, silence_seconds: int = 60, inst_data: ConfigurableClassData | None = None) -> None:
        # Not CeleryRunLauncher's own, which takes the broker's address from dagster.yaml.
        super(CeleryRunLauncher, self).__init__()  # type: ignore[no-untyped-call]
        self._inst_data = inst_data
        self.default_queue = QUEUE
        self.celery = application()
        self._silence_seconds = silence_seconds
        self._silent_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        return {"silence_seconds": Field(IntSource, is_required=False, default_value=60)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send a run to whichever worker is free first. Where it is run again, all of it is: the stages that were done lie on
        the disk of the machine that is gone, and another one may hold older ones of that month."""
        run = context.dagster_run
        if RETRY_STRATEGY_TAG not in run.tags:
            self._instance.add_run_tags(run.run_id, {RETRY_STRATEGY_TAG: "ALL_STEPS"})
        super().launch_run(context)

    @property
    def supports_resume_run(self) -> bool:
        """A run cannot go on on another machine; it is run again (`run_retries`)."""
        return False

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, wherever it is; the run says itself that it was cancelled, not that it failed."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker is at a run that has started. Who asks looks again whether the run has ended meanwhile."""
        task = self.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG])
        told = self._why_dead(task.id, task.state, task.info)
        if told:
            return CheckRunHealthResult(WorkerStatus.FAILED, told)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _why_dead(self, task: str, state: str, info: Any) -> str:
        """Why nobody can be at a task any more; empty when somebody is, or may still say so."""
        if state in _PROCESS_DIED:
            return f"The run's process died: {info}"
        worker = info["hostname"] if state == states.STARTED else None
        # One that is known is asked alone, and its answer not waited for any longer than it takes.
        whom = {"destination": [worker], "limit": 1} if worker else {}
        answers = self.celery.control.inspect(timeout=_ANSWER_SECONDS, **whom).query_task(task) or {}
        if any(task in found for found in answers.values()):
            self._silent_since.pop(task, None)
            return ""
        if state == states.SUCCESS:
            return "The run's process ended without a word about how."
        if worker in answers:
            return f"The worker {worker} is there, but not at this run any more."
        now = time.monotonic()
        silent = now - self._silent_since.setdefault(task, now)
        if silent < self._silence_seconds:
            return ""
        return f"Nothing has been heard of {worker or 'its worker'} for {silent:.0f} seconds."
