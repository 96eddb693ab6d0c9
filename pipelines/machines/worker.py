"""What a worker's machine runs: `celery -A pipelines.machines.worker worker`. Each task is one Dagster run, from start to end.

dagster-celery's own command would write the broker's address, password and all, into a file at each start.
"""

from dagster_celery.tasks import create_execute_job_task

from pipelines.machines.broker import application

app = application()
# A month that is done stays done: its end is told when the broker is there again.
app.conf.result_backend_always_retry = True
execute_job = create_execute_job_task(app)
