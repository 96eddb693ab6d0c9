"""What a month's quality says the data lack: the checks that do not hold, those with failures within what is tolerated, and the
fields that are there least often.

Judging is `quality/`'s business; here its published report is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guatecompras.policy.dictionary import Entry

Json = Mapping[str, Any]

SEVERITIES: Mapping[str, str] = {"block": "impide publicar", "warn": "aviso", "note": "nota"}


@dataclass(frozen=True)
class Fault:
    """A check with failures. `holds`: they are within what its rule tolerates."""

    check: str
    meaning: str
    dimension: str
    severity: str
    failed: int
    applicable: int
    holds: bool

    @property
    def share(self) -> float:
        return self.failed / self.applicable if self.applicable else 0.0


def faults(quality: Json) -> tuple[Fault, ...]:
    """The checks with failures: those that do not hold first, and among them the gravest, then the most frequent."""
    order = list(SEVERITIES)
    found = [_fault(check) for check in quality["checks"] if check["failed"]]
    found.sort(key=lambda fault: (fault.holds, order.index(fault.severity), -fault.share, fault.check))
    return tuple(found)


def _fault(check: Json) -> Fault:
    names = ("meaning", "dimension", "severity", "failed", "applicable")
    return Fault(check=check["id"], holds=check["state"] != "fail", **{name: check[name] for name in names})


def rarest(entries: Sequence[Entry], most: int = 20) -> list[Entry]:
    """The fields that are not always there, the rarest first; of those, that which holds others stands for them."""
    partial = [entry for entry in entries if entry.share is not None and entry.share < 1]
    return sorted(partial, key=lambda entry: (entry.share or 0.0, entry.field.path))[:most]
