"""The kinds of alerts, in the order in which they are told. What to do about each stands in the runbook under the same name."""

from dataclasses import dataclass

RUNBOOK = "docs/operators/runbook.md"


@dataclass(frozen=True)
class Kind:
    """`title`: of one, goes on from its subject; `many`: of several at once; `over`: when it holds no more; `brief`: in a digest's
    title, after their number."""

    severity: str
    title: str
    many: str
    over: str
    brief: str


KINDS = {
    "publication_fault": Kind(
        severity="critical",
        title="what is public is not what it should be",
        many="{n} faults of what is public",
        over="it is as it should be",
        brief="with faults",
    ),
    "month_late": Kind(
        severity="critical",
        title="not published in time",
        many="{n} months are not published in time",
        over="it is published",
        brief="late",
    ),
    "quality_gate": Kind(
        severity="critical",
        title="stopped by the quality gate",
        many="{n} months stopped by the quality gate",
        over="it passed",
        brief="stopped by the gate",
    ),
    "run_failed": Kind(
        severity="critical", title="failed", many="{n} runs failed", over="it succeeded", brief="failed"
    ),
    "stale": Kind(
        severity="warning",
        title="not refreshed",
        many="{n} things are not refreshed",
        over="it is fresh again",
        brief="not refreshed",
    ),
}


def runbook(kind: str) -> str:
    return f"{RUNBOOK}#{kind}"
