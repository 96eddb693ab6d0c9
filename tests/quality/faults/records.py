"""Faults of a process: fields that do not agree with each other, or with the law."""

from tests.quality.faults.workshop import Fault, edit, fault, nth, repeat

FAULTS: tuple[Fault, ...] = (
    fault("an item stands twice under its id", "identifiers", repeat("items")),
    fault("a contract names an award that is not there", "references", edit("contracts", nth(0), awardID="GT-ADJ-0-0")),
)
