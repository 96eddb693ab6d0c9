"""Faults of a month against its version that is public."""

from tests.quality.faults.workshop import Fault

FAULTS: tuple[Fault, ...] = ()
