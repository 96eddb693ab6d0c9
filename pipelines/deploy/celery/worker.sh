#!/bin/sh
# A worker on this machine: takes months from the broker and runs them, so many at once (default: one for every two cores, as a
# month uses about two). Needs the environment of the publication, of Dagster's home and of the broker; see the operators' guide.
#     worker.sh [MONTHS_AT_ONCE]
# TERM: it finishes what it is at and ends. KILL: Dagster notices, and another worker runs those months again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
[ ! -x "$root/.venv/bin/celery" ] || PATH="$root/.venv/bin:$PATH"
export DAGSTER_HOME="${DAGSTER_HOME:-$here}"
# Asked under its name whether it is at a run: two workers must not share one.
exec celery -A pipelines.machines.worker worker --hostname "months-$$@%h" --concurrency "${1:-$((($(nproc) + 1) / 2))}" \
    --queues dagster --without-gossip --without-mingle --loglevel INFO
