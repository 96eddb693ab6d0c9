"""Faults of a month as a whole, alone and against the months before."""

from tests.quality.faults.workshop import Fault

FAULTS: tuple[Fault, ...] = ()
