"""Checks of a process: whether its fields agree with each other, and with the law. One a file."""

from guatecompras.quality.check import Check
from guatecompras.quality.records import identifiers, references, release_dates

CHECKS: tuple[Check, ...] = tuple(module.CHECK for module in (identifiers, references, release_dates))
