"""Faults to put into a clean month: one a row, what is broken and which checks must then fail, these and no others."""

from tests.quality.faults import fields, months, records, versions
from tests.quality.faults.workshop import Fault

FAULTS: tuple[Fault, ...] = (*fields.FAULTS, *records.FAULTS, *months.FAULTS, *versions.FAULTS)

__all__ = ["FAULTS", "Fault"]
