"""Facts as the policy is built from, of a real small publication."""

from datetime import datetime
from pathlib import Path

import orjson

from guatecompras.policy.facts import Facts, PublishedMonth


def facts(store: Path) -> Facts:
    """Of the months in a store."""
    root = store / "publication"
    told = orjson.loads((root / "index.json").read_bytes())["months"]
    months = tuple(
        PublishedMonth(
            month, told[month]["version"], datetime.fromisoformat(told[month]["published"]), told[month]["counts"]
        )
        for month in sorted(told, reverse=True)
    )
    folder = root / "months" / months[0].month / months[0].version
    return Facts(
        base_url="https://ocds.example.gt/",
        contact="datos@example.gt",
        publisher="Quien publica",
        publisher_uri="https://www.example.gt",
        months=months,
        quality=orjson.loads((folder / "quality.json").read_bytes()),
        tables=lambda table: folder / "tables" / f"{table}.parquet",
    )


def no_facts() -> Facts:
    """Of a publication without months."""
    return Facts("https://ocds.example.gt", "", "Quien publica", "https://www.example.gt")
