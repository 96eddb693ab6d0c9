"""The policy's own data files (`data/policy/`), read: sections and their prose, codelists' words, notes on fields, versions."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "policy"


@cache
def table(name: str) -> dict[str, Any]:
    """One of the TOML files, by its stem."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def prose(section: str) -> str:
    """The Markdown of a section."""
    return (FOLDER / "texts" / f"{section}.md").read_text(encoding="utf-8")


def note(path: str) -> str:
    """What a reader has to know of a field; empty where there is nothing."""
    return str(table("differences")["fields"].get(path, ""))
