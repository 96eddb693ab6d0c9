"""Checks of a month as a whole: by itself, and against the months before. One a file."""

from guatecompras.quality.check import Check
from guatecompras.quality.months import counts, schema, segmentation

CHECKS: tuple[Check, ...] = tuple(module.CHECK for module in (schema, segmentation, counts))
