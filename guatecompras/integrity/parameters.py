"""The numbers the indicators go by: `data/integrity/parameters.toml`, read once, with what each means and where it comes from."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guatecompras.integrity.indicator import Parameters

FILE = Path(__file__).parents[1] / "data" / "integrity" / "parameters.toml"


@dataclass(frozen=True)
class Priorities:
    """From how many points on a concurso is of which priority, highest first."""

    steps: tuple[tuple[str, int], ...]

    @property
    def lowest(self) -> str:
        return self.steps[-1][0]


@cache
def load() -> tuple[Mapping[str, Parameters], Priorities]:
    """By indicator, and the steps of the review priority."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    steps = tuple((name, int(points)) for name, points in told.pop("prioridad").items())
    return {name: _read(one) for name, one in told.items()}, Priorities(steps)


def digest() -> str:
    """What tells one state of the file from another."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


def _read(told: Mapping[str, Any]) -> Parameters:
    given = {name: one for name, one in told.items() if isinstance(one, dict)}
    return Parameters(
        told["peso"],
        told["fuente"],
        {name: float(one["valor"]) for name, one in given.items()},
        {name: one["significa"] for name, one in given.items()},
    )
