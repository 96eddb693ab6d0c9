"""Checks of a month against its version that is public now. One a file."""

from guatecompras.quality.check import Check

CHECKS: tuple[Check, ...] = ()
