"""Checks of single values: each published field by itself, whatever else its process says. One a file."""

from guatecompras.quality.check import Check

CHECKS: tuple[Check, ...] = ()
