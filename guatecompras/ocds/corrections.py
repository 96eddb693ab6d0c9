"""What is public stays: a release that was published under an id is published again as it was, and what the source says
otherwise now, without an event of its own, becomes one more release, dated when that was detected.

Which NOGs are looked at, and where the public releases are read, is `cohort.py`'s and `earlier.py`'s; how releases merge is
`merge.py`'s. Merging knows no way to take an entry out of a list: what the source has no more stays in the record, with a
status that says so where there is one, and is listed as an edit.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from guatecompras.changes.diff import differences
from guatecompras.months import UTC_OFFSET
from guatecompras.ocds.events import TICKS_AT_1970
from guatecompras.ocds.merge import NO_RULES, MergeError, Merger, Rules
from guatecompras.ocds.profile import clearable
from guatecompras.ocds.releases import RELEASE_COLUMNS

Json = dict[str, Any]

EDITS_SCHEMA = {
    "nog": pl.Int64(),
    "release": pl.String(),
    "path": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "cause": pl.String(),
}
# What is known of the public releases of a batch: `same`: the source rows of the NOG are those they were made from.
PUBLIC_SCHEMA = {"nog": pl.Int64(), "json": pl.String(), "same": pl.Boolean()}

# A row of the source was edited and no event says so; the same rows give another release, by our own code or settings.
SILENT, PUBLISHER = "silent", "publisher"

# Where a release's own fields differ from the next one's whatever happened.
_OWN = frozenset({"ocid", "id", "date", "publishedDate", "tag"})
# What an entry that the source has no more is said to be; the literal that said otherwise goes.
_GONE: dict[str, Json] = {
    "awards": {"status": "cancelled", "statusDetails": None},
    "contracts": {"status": "cancelled", "statusDetails": None},
    "bids/details": {"status": "withdrawn"},
}
# What every entry says of itself.
_KEYS = ("id", "awardID")
# The tag for an edit, by the part of the release that it is in.
_TAGS = {"awards": "awardUpdate", "contracts": "contractUpdate"}
_TAG_ORDER = ("tenderUpdate", "awardUpdate", "contractUpdate")


@dataclass(frozen=True)
class Settled:
    """Releases as they are published (RELEASE_COLUMNS, by nog and date), those of them that are public already (ids) or
    corrections (ids), and the edits (EDITS_SCHEMA)."""

    releases: pl.DataFrame
    public: list[str]
    corrections: list[str]
    edits: pl.DataFrame


def settle(built: pl.DataFrame, public: pl.DataFrame, merger: Merger, detected: str) -> Settled:
    """Releases as built from the source now, against those that are public (PUBLIC_SCHEMA, in order).

    `detected`: RFC 3339, when the source was read. NOGs whose public releases are all built the same pass as they are.
    """
    before = public.with_columns(id=pl.col("json").str.extract(r'^\{"ocid":"[^"]*","id":"([^"]*)"'))
    found = before.join(built.select("nog", "id", now="json"), on=["nog", "id"], how="left", maintain_order="left")
    other = found.filter(pl.col("now").ne_missing(pl.col("json"))).select("nog").unique()
    other = other.join(built.select("nog").unique(), on="nog", how="semi")
    if other.is_empty():
        return Settled(built, [], [], pl.DataFrame(schema=EDITS_SCHEMA))
    pieces = [
        _History(nog, same, mine, theirs).settled(merger, detected)
        for nog, same, mine, theirs in _histories(built, before, other)
    ]
    anew = pl.DataFrame(
        [row for piece in pieces for row in piece.rows],
        schema={name: built.schema[name] for name in RELEASE_COLUMNS},
        orient="row",
    )
    rest = built.join(other, on="nog", how="anti", maintain_order="left")
    return Settled(
        pl.concat([rest, anew]).sort("nog", maintain_order=True),
        [name for piece in pieces for name in piece.public],
        [name for piece in pieces for name in piece.corrections],
        pl.DataFrame([edit for piece in pieces for edit in piece.edits], schema=EDITS_SCHEMA, orient="row"),
    )


def compiled(releases: list[Json], merger: Merger) -> Json:
    """The compiled release of a NOG's releases in order. Raises MergeError.

    As merging has it but for one thing: an object whose every field a correction's nulls took away is gone too.
    """
    merged = merger.compile_sorted(releases)
    return _without_empty(merged) if len(releases) > 1 else merged


def _without_empty(document: Any) -> Any:
    if isinstance(document, dict):
        kept = {key: _without_empty(value) for key, value in document.items()}
        return {key: value for key, value in kept.items() if value not in ({}, [])}
    return [_without_empty(entry) for entry in document] if isinstance(document, list) else document


def _histories(built: pl.DataFrame, before: pl.DataFrame, other: pl.DataFrame) -> Iterator[tuple[int, bool, Any, Any]]:
    mine = built.join(other, on="nog", how="semi", maintain_order="left").partition_by(
        "nog", as_dict=True, maintain_order=True
    )
    theirs = before.join(other, on="nog", how="semi", maintain_order="left").partition_by(
        "nog", as_dict=True, maintain_order=True
    )
    for key, frame in mine.items():
        public = theirs[key]
        yield int(key[0]), bool(public["same"][0]), frame.rows(named=True), public["json"].to_list()


@dataclass(frozen=True)
class _Piece:
    rows: list[tuple[Any, ...]]
    public: list[str]
    corrections: list[str]
    edits: list[tuple[Any, ...]]


class _History:
    """One NOG: what is public of it and what would be made of it now."""

    def __init__(self, nog: int, same: bool, built: list[Json], public: list[str]) -> None:
        self._nog, self._cause = nog, PUBLISHER if same else SILENT
        self._public = [orjson.loads(text) for text in public]
        self._built = [orjson.loads(row["json"]) for row in built]
        known = {release["id"] for release in self._public}
        texts = list(zip(self._public, public, strict=True))
        texts += [(release, text) for release, text in self._unknown(known, [row["json"] for row in built])]
        # The merge's own order; of two at the same moment what is public comes first.
        self._all = sorted(texts, key=lambda pair: pair[0]["date"])
        self._known = known

    def _unknown(self, known: set[str], texts: list[str]) -> Iterator[tuple[Json, str]]:
        """What is built and not public. An event that only got another date, and so another id, has been told."""
        mine = {release["id"] for release in self._built}
        told = [_told(release) for release in self._public if release["id"] not in mine]
        for release, text in zip(self._built, texts, strict=True):
            if release["id"] in known:
                continue
            if told and (words := _told(release)) in told:
                told.remove(words)
            else:
                yield release, text

    def settled(self, merger: Merger, detected: str) -> _Piece:
        rows = [self._row(release, text) for release, text in self._all]
        try:
            correction, edits = self._correction(merger, detected)
        except MergeError:
            # What does not merge is rejected, with its reason, where records are compiled.
            return _Piece(rows, [*self._known], [], [])
        if correction:
            rows.append(self._row(correction, orjson.dumps(correction).decode()))
        elif self._cause == SILENT and len(self._built) == len(self._all) == len(self._public):
            edits = list(self._past())
        made = [correction["id"]] if correction else []
        return _Piece(rows, [*self._known], made, [(self._nog, *edit, self._cause) for edit in edits])

    def _correction(self, merger: Merger, detected: str) -> tuple[Json | None, list[tuple[Any, ...]]]:
        """The release that brings what is public to what the source says, and what it changes; None: nothing is to be said."""
        releases = [release for release, _ in self._all]
        stands, wanted = compiled(releases, merger), compiled(self._built, merger)
        correction = deepcopy(self._built[-1])
        _patch(correction, _lacking(_content(stands), _content(wanted), merger.rules, ""))
        correction["id"] = self._new_id(detected)
        # Where the clock stands before the newest date there is, the correction still has to be the last.
        correction["date"] = max(detected, releases[-1]["date"])
        correction["publishedDate"] = detected
        comes = compiled([*releases, correction], merger)
        changed = list(differences(stands, comes))
        if all(path in _OWN for path, _, _ in changed):
            return None, []
        parts = {path.partition("/")[0].partition("[")[0] for path, _, _ in changed} - _OWN
        touched = {_TAGS.get(part, _TAG_ORDER[0]) for part in parts}
        correction["tag"] = [tag for tag in _TAG_ORDER if tag in touched]
        return correction, [(correction["id"], *change) for change in changed]

    def _past(self) -> Iterator[tuple[Any, ...]]:
        """Edits of what was said before, which leave the latest state as it is: they stay unsaid, but not unseen."""
        public = {release["id"]: release for release in self._public}
        for release in self._built:
            for change in differences(public.get(release["id"], release), release):
                yield release["id"], *change

    def _new_id(self, detected: str) -> str:
        moment = datetime.fromisoformat(detected).astimezone(UTC_OFFSET).replace(tzinfo=None)
        ticks = int((moment - datetime(1970, 1, 1)).total_seconds()) * 10_000_000 + TICKS_AT_1970  # noqa: DTZ001
        taken = {release["id"] for release, _ in self._all}
        while (name := f"GT-NOG-{self._nog}-T{ticks}") in taken:
            ticks += 1
        return name

    def _row(self, release: Json, text: str) -> tuple[Any, ...]:
        own = {"nog": self._nog, "json": text, "covers": False}
        return tuple(own[name] if name in own else release[name] for name in RELEASE_COLUMNS)


def _told(release: Json) -> bytes:
    """What a release says of the process, and as what."""
    return orjson.dumps(_content(release) | {"tag": release["tag"]}, option=orjson.OPT_SORT_KEYS)


def _content(compiled: Json) -> Json:
    return {key: value for key, value in compiled.items() if key not in _OWN}


def _lacking(old: Json, new: Json, rules: Rules, path: str) -> Json:
    """What takes from `old` what `new` lacks, as OCDS merging has it: a null for a field, a status for an entry."""
    patch: Json = {}
    for key, value in old.items():
        place, below = f"{path}/{key}".lstrip("/"), rules.below.get(key, NO_RULES)
        entries = key not in rules.whole and _entries(value)
        if key not in new:
            said: Any = _without_entries(value, {}, below, place) if entries else _cleared(value, below, place)
        elif key in rules.whole:
            continue
        elif isinstance(value, dict) and isinstance(new[key], dict):
            said = _lacking(value, new[key], below, place)
        elif entries:
            said = _without_entries(value, {entry["id"]: entry for entry in new[key]}, below, place)
        else:
            continue
        if said not in ({}, []):
            patch[key] = said
    return patch


def _cleared(value: Any, rules: Rules, place: str) -> Any:
    if isinstance(value, dict):
        return _lacking(value, {}, rules, place)
    # What cannot be cleared stays, as an entry does.
    return None if place in clearable() else {}


def _without_entries(old: list[Json], new: dict[Any, Json], rules: Rules, place: str) -> list[Json]:
    found = []
    for entry in old:
        left = new.get(entry["id"])
        said = _GONE.get(place, {}) if left is None else _lacking(entry, left, rules, place)
        if said:
            found.append({key: entry[key] for key in _KEYS if key in entry} | said)
    return found


def _entries(value: Any) -> bool:
    """Whether a list's entries merge by their ids."""
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) and "id" in entry for entry in value)


def _patch(document: Json, patch: Json) -> None:
    """Put a patch of `_lacking` into a release."""
    for key, value in patch.items():
        there = document.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            _patch(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            known = {entry["id"]: entry for entry in there}
            for entry in value:
                if entry["id"] in known:
                    _patch(known[entry["id"]], entry)
                else:
                    there.append(entry)
        else:
            document[key] = value
