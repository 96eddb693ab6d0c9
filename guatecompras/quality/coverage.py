"""How often each published path is there, counted on compiled releases; whether that is often enough is `fields/coverage.py`."""

from collections.abc import Iterable, Mapping
from functools import cache

import polars as pl

from guatecompras.ocds.mapping import Field, fields

# Path -> (how many are there, how many could be: one in each parent that is there).
Coverage = Mapping[str, tuple[int, int]]


def count(documents: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Every path of the mapping, counted in compiled releases as `tables.read_documents` gives them."""
    found: dict[str, tuple[int, int]] = {}
    _count(documents, "", found)
    return {field.path: found[field.path] for field in fields()}


def _count(parents: pl.DataFrame, path: str, found: dict[str, tuple[int, int]]) -> None:
    """Count what the objects at `path` (rows, none null) hold, down to the leaves."""
    for field in _children(path):
        values = parents[field.name]
        if field.type.startswith("array"):
            values = values.filter(values.list.len() > 0)
        found[field.path] = (values.len() - values.null_count(), parents.height)
        if field.type == "object":
            _count(values.drop_nulls().struct.unnest(), field.path, found)
        elif field.type == "array<object>":
            _count(values.explode(empty_as_null=False, keep_nulls=False).struct.unnest(), field.path, found)


@cache
def _children(path: str) -> tuple[Field, ...]:
    return tuple(field for field in fields() if field.parent == path)


def total(counts: Iterable[Coverage]) -> dict[str, tuple[int, int]]:
    """Several counts as one; a path that one of them lacks counts as nothing there."""
    found: dict[str, tuple[int, int]] = {}
    for counted in counts:
        for path, (present, possible) in counted.items():
            before = found.get(path, (0, 0))
            found[path] = (before[0] + present, before[1] + possible)
    return found
