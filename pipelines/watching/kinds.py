"""The kinds of alerts, in the order in which they are told. What to do about each stands in the runbook under the same name."""

from dataclasses import dataclass

RUNBOOK = "docs/operators/runbook.md"


@dataclass(frozen=True)
class Kind:
    """`title`: of one, goes on from its subject; `many`: of several at once; `over`: when it holds no more."""

    severity: str
    title: str
    many: str
    over: str


KINDS = {
    "publication_fault": Kind(
        "critical", "what is public is not what it should be", "{n} faults of what is public", "it is as it should be"
    ),
    "month_late": Kind("critical", "not published in time", "{n} months are not published in time", "it is published"),
    "quality_gate": Kind(
        "critical", "stopped by the quality gate", "{n} months stopped by the quality gate", "it passed"
    ),
    "run_failed": Kind("critical", "failed", "{n} runs failed", "it succeeded"),
    "stale": Kind("warning", "not refreshed", "{n} things are not refreshed", "it is fresh again"),
}


def runbook(kind: str) -> str:
    return f"{RUNBOOK}#{kind}"
