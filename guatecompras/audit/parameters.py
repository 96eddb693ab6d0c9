"""What the indicators take for granted: the file `data/audit/parameters.toml`, read once."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "audit"


@dataclass(frozen=True)
class Parameters:
    """As the file has them; what each means is said there."""

    least_for_shares: int
    least_for_times: int
    suppliers: int
    direct: tuple[int, ...]


@cache
def load() -> Parameters:
    told = tomllib.loads((FOLDER / "parameters.toml").read_text(encoding="utf-8"))
    return Parameters(**told | {"direct": tuple(told["direct"])})
