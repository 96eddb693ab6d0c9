"""Faults of single values."""

from tests.quality.faults.workshop import Fault

FAULTS: tuple[Fault, ...] = ()
