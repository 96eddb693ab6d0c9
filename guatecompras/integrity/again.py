"""Whether published flags follow from what their manifest names: the same versions and rules are calculated again and compared."""

from pathlib import Path

import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.counting import digest
from guatecompras.gathered.parts import Part
from guatecompras.integrity.monthly import Rules, build, name_of
from guatecompras.months import Month
from guatecompras.publication import MANIFEST
from guatecompras.stores import Store


def compare(store: Store, month: str, rules: Rules, folder: Path) -> dict[str, bool]:
    """By file of the public collection of a month: whether it is what is calculated now, in `folder`.

    Raises GuatecomprasError when the month has none, or a version that it was made of is not there any more.
    """
    entry = store.index()["collections"].get(name_of(month))
    if entry is None:
        raise GuatecomprasError(f"no flags of {month} are public: run `guatecompras collect`")
    there = store.collection_folder(f"{name_of(month)}/{entry['version']}", (MANIFEST,))
    manifest = orjson.loads((there / MANIFEST).read_bytes())
    window = {_ago(month, one): _part(store, one, part) for one, part in manifest["months"].items()}
    made = build(store, month, window, rules, folder)
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    return {name: digest(made.files[name])[0] == sha256 for name, sha256 in listed.items() if name in made.files}


def _ago(month: str, before: str) -> int:
    one, other = Month.parse(month), Month.parse(before)
    return (one.year - other.year) * 12 + one.number - other.number


def _part(store: Store, month: str, part: dict[str, str]) -> Part:
    """A month at the version that the flags were made of, whether or not it is the one that is public now."""
    path = store.version_folder(month, part["version"], (MANIFEST,)) / MANIFEST
    if not path.is_file():
        raise GuatecomprasError(f"{month} at version {part['version']} is not there any more")
    told = orjson.loads(path.read_bytes())
    return Part(month, part["version"], part["sha256"], told["counts"], {file["path"]: file for file in told["files"]})
