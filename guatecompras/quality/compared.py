"""What a month is compared with: the months before it that are public, and its own public version. Read from a store.

Which of it a check looks at, and whether anything differs too much, is for the checks to say.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.counting import digest
from guatecompras.formats.parquets import schema_of
from guatecompras.publication import MANIFEST, code_digest
from guatecompras.quality.check import Distributions, Previous
from guatecompras.stores import Store
from guatecompras.tables import NAMES

Json = dict[str, Any]

MONTHS = 12
REPORT = "quality.json"
# What is read of a report.
_TOLD = frozenset({"version", "score", "dimensions", "counts", "distributions"})
# The tables of other months that checks read: what has an id that no other month may have.
ELSEWHERE = ("records", "releases", "contracts")
# The files that are read of the months before.
OF_OTHERS = (REPORT, *(f"tables/{name}.parquet" for name in ELSEWHERE))


@dataclass(frozen=True)
class Compared:
    """What a month is compared with; `history`, `elsewhere` and `previous` as `quality.Month` has them.

    `reports`: month before -> its `quality.json`, where its distributions stand; `versions`: month -> the version that was
    looked at, the month itself among them if it has a previous one; `unreadable`: published files that could not be read,
    each with the reason: they count as absent.
    """

    history: Mapping[str, Distributions]
    elsewhere: Mapping[str, Mapping[str, Path]]
    previous: Previous | None
    reports: Mapping[str, Json]
    versions: Mapping[str, str]
    unreadable: tuple[str, ...]


def read(store: Store, month: str, version: str) -> Compared:
    """What the version of a month that is being made is compared with. Raises StoreError when the index cannot be read."""
    listed = store.index()["months"]
    before = {name: _Version(store, name, listed[name], OF_OTHERS) for name in _months_before(month) if name in listed}
    replaced = month in listed and listed[month]["version"] != version
    own = _Version(store, month, listed[month], _of_own(month)) if replaced else None
    reports = {name: found for name, one in before.items() if (found := one.report())}
    elsewhere = {name: found for name, one in before.items() if (found := one.tables(ELSEWHERE))}
    previous = own.previous() if own else None
    looked_at = [*before.values(), *([own] if own else [])]
    return Compared(
        history={name: report["distributions"] for name, report in reports.items()},
        elsewhere=elsewhere,
        previous=previous,
        reports=reports,
        versions={one.month: one.version for one in looked_at},
        unreadable=tuple(fault for one in looked_at for fault in one.unreadable),
    )


def _of_own(month: str) -> tuple[str, ...]:
    """The files that are read of the version that is replaced."""
    return (REPORT, MANIFEST, f"{month}_releases.jsonl.gz", *(f"tables/{name}.parquet" for name in NAMES))


def _months_before(month: str) -> Iterator[str]:
    """The twelve calendar months before, oldest first."""
    year, number = map(int, month.split("-"))
    last = year * 12 + number - 1
    for place in range(last - MONTHS, last):
        yield f"{place // 12:04d}-{place % 12 + 1:02d}"


@dataclass
class _Version:
    """A public version, file by file. `names`: those that are read; `unreadable` fills while they are."""

    store: Store
    month: str
    entry: Json
    names: tuple[str, ...]
    unreadable: list[str] = field(default_factory=list)

    @cached_property
    def _folder(self) -> Path:
        # At once, where they have to be fetched.
        return self.store.version_folder(self.month, self.version, self.names)

    @property
    def version(self) -> str:
        return str(self.entry["version"])

    def report(self) -> Json:
        """Its `quality.json`; empty where the version has none, as those from before there were any, or an unsound one."""
        report = self._json(REPORT)
        if not report:
            return {}
        if missing := _TOLD - report.keys():
            return self._note(REPORT, f"it lacks {min(missing)}")
        distributions = report["distributions"]
        if not isinstance(distributions, dict) or not all(map(_numbers, distributions.values())):
            return self._note(REPORT, "its distributions are not numbers by category")
        return report

    def tables(self, names: Iterable[str]) -> dict[str, Path]:
        """Those tables that can be read: the very bytes that were published, so that no check stumbles over them."""
        files = {name: self._file(f"tables/{name}.parquet") for name in names}
        return {name: path for name, path in files.items() if path and self._opens(path)}

    def previous(self) -> Previous | None:
        """This version to be compared with the next one of its month; None where a table or the releases are missing."""
        name = f"{self.month}_releases.jsonl.gz"
        tables, releases = self.tables(NAMES), self._file(name)
        if releases is None or len(tables) < len(NAMES):
            # What is there and cannot be read has been noted; a version of another form lacks some.
            if not self.unreadable:
                self._note("tables", "not all tables and releases are there")
            return None
        manifest = self._json(MANIFEST)
        code = manifest.get("code")
        same = isinstance(code, dict) and code.get("digest") == code_digest()
        distributions = self.report().get("distributions", {})
        return Previous(self.version, tables, releases, distributions, same, manifest.get("personal"))

    def _json(self, name: str) -> Json:
        path = self._file(name)
        if path is None:
            return {}
        try:
            found = orjson.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            return self._note(name, str(error))
        return found if isinstance(found, dict) else self._note(name, "it is no object")

    def _file(self, name: str) -> Path | None:
        """A file of the version with the bytes that the index says; None where it has none of that name, or other bytes."""
        path = self._folder / name
        entry = next((file for file in self.entry["files"] if file["path"] == self._address(name)), None)
        if entry is None:
            return None
        try:
            if digest(path) == (entry["sha256"], entry["bytes"]):
                return path
            self._note(name, "it is not what was published")
        except OSError as error:
            self._note(name, error.strerror or str(error))
        return None

    def _opens(self, path: Path) -> bool:
        try:
            schema_of(path)
        except GuatecomprasError as error:
            self._note(f"tables/{path.name}", str(error))
            return False
        return True

    def _address(self, name: str) -> str:
        return f"months/{self.month}/{self.version}/{name}"

    def _note(self, name: str, reason: str) -> Json:
        fault = f"{self._address(name)}: {reason}"
        if fault not in self.unreadable:
            self.unreadable.append(fault)
        return {}


def _numbers(categories: object) -> bool:
    return isinstance(categories, dict) and all(isinstance(number, int | float) for number in categories.values())
