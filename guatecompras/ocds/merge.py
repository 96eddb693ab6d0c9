"""OCDS merging: the releases of one contracting process -> its compiled or its versioned release.

It follows https://standard.open-contracting.org/1.1/en/schema/merging/ and gives what ocdsmerge 0.8.0 gives, key order
included. Which fields have rules of their own is read from a JSON schema, once; how releases and records are written,
and which schema Guatecompras has, is elsewhere in `ocds/`.

Two ways lead to the same result. Releases are normally merged straight into the nested result, with the rules of each
object at hand as the merge goes down. A history that contradicts itself (a field that is a value in one release and
an object in another, an id that is 1 here and "1" there) has an outcome that only the order of its single values
decides: it is merged again, slowly, from the list of them (`_Ledger`).
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

from guatecompras.errors import GuatecomprasError
from guatecompras.ocds.profile import release_schema

Json = dict[str, Any]


class MergeError(GuatecomprasError):
    """Releases that cannot be merged: a date is missing or no text, or a field changes its kind between releases."""


class _IrregularError(Exception):
    """The straight merge met something whose outcome only the order of single values decides."""


# --------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True, slots=True)
class Rules:
    """The merge rules of one object and, under `below`, of the objects and arrays of objects inside it.

    `omit`: fields that are left out (`omitWhenMerged`); `whole`: fields replaced as one value (`wholeListMerge`).
    Fields that are named nowhere merge by the kind of their value.
    """

    omit: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    below: "dict[str, Rules]" = field(default_factory=dict)


NO_RULES = Rules()


def merge_rules_from_schema(schema: Json) -> Rules:
    """The merge rules that a release schema sets, in its OCDS 1.1 words or the older `mergeStrategy`.

    Arrays that may hold anything but objects, or objects without an `id`, are replaced whole even where the schema
    does not say so. References are followed inside the schema only. Raises ValueError for one that leads elsewhere or
    back to where it came from, KeyError if the schema has no `properties`.
    """
    return _object_rules(schema, _resolved(schema, schema)["properties"], ())


def _object_rules(root: Json, properties: Json, trail: tuple[int, ...]) -> Rules:
    if id(properties) in trail:
        raise ValueError("the schema refers to itself: its merge rules have no end")
    trail = (*trail, id(properties))
    omit, whole, below = set(), set(), {}
    for name, value in properties.items():
        prop = _resolved(root, value)
        kinds = _kinds(prop)
        if prop.get("omitWhenMerged") or prop.get("mergeStrategy") == "ocdsOmit":
            omit.add(name)
        elif "array" in kinds and (prop.get("wholeListMerge") or prop.get("mergeStrategy") == "ocdsVersion"):
            whole.add(name)
        elif "object" in kinds and "properties" in prop:
            below[name] = _object_rules(root, prop["properties"], trail)
        elif "array" in kinds and "items" in prop:
            items = _resolved(root, prop["items"])
            if any(kind != "object" for kind in _kinds(items)):
                whole.add(name)
            elif "object" in _kinds(items) and "properties" in items:
                if "id" in items["properties"]:
                    below[name] = _object_rules(root, items["properties"], trail)
                else:
                    whole.add(name)
    # A branch without rules costs the merge a look-up at every object, so it is not kept.
    below = {name: rules for name, rules in below.items() if rules != NO_RULES}
    return Rules(frozenset(omit), frozenset(whole), below)


def _resolved(root: Json, node: Any) -> Any:
    """The node itself, or what its `$ref` stands for (what stands beside a `$ref` counts for nothing)."""
    seen = set()
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        reference = node["$ref"]
        if not reference.startswith("#") or reference in seen:
            raise ValueError(f"the schema's reference {reference!r} leads out of it or round in a circle")
        seen.add(reference)
        node = root
        for part in unquote(reference[1:]).split("/")[1:]:
            step = part.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(step)] if isinstance(node, list) else node[step]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ValueError(f"the schema's reference {reference!r} leads nowhere") from None
    return node


def _kinds(prop: Any) -> list[str]:
    kinds = prop.get("type", []) if isinstance(prop, dict) else []
    return [kinds] if isinstance(kinds, str) else kinds


# -------------------------------------------------------------------------------------------------------------- merger


class Merger:
    """Merges the releases of one process at a time under one set of rules; keeps nothing between calls.

    Releases are dicts as a JSON parser gives them. They are never changed, but the result may share arrays of plain
    values and whole lists with them: copy before changing either.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        # A release's own tag is never merged, and its ocid is put in place by hand, whatever the schema says.
        self._release = Rules(rules.omit | {"tag", "ocid"}, rules.whole, rules.below)

    def compile(self, releases: list[Json]) -> Json:
        """The compiled release: the latest value of every field, nulls gone, tag `compiled`, id `{ocid}-{date}`.

        Releases are taken in the order of their `date` as text, those of one date as they come. Raises MergeError.
        """
        return self.compile_sorted(_by_date(releases))

    def compile_sorted(self, releases: list[Json]) -> Json:
        """`compile` for releases that are in order already; their dates are neither compared nor required."""
        try:
            return _compiled(releases, self._release)
        except _IrregularError:
            return _Ledger(self.rules).compile(releases)

    def version(self, releases: list[Json]) -> Json:
        """The versioned release: for every field the list of its values, each with the release that set it.

        Raises MergeError.
        """
        return self.version_sorted(_by_date(releases))

    def version_sorted(self, releases: list[Json]) -> Json:
        """`version` for releases that are in order already; their dates are neither compared nor required."""
        try:
            return _versioned(releases, self._release)
        except _IrregularError:
            return _Ledger(self.rules).version(releases)


def compile_releases(releases: list[Json]) -> Json:
    """The compiled release of one process, under the rules of the project's own schema; see `Merger.compile`."""
    return default_merger().compile(releases)


def version_releases(releases: list[Json]) -> Json:
    """The versioned release of one process, under the rules of the project's own schema; see `Merger.version`."""
    return default_merger().version(releases)


@lru_cache(maxsize=1)
def default_merger() -> Merger:
    """The merger under the rules of the project's own release schema."""
    return Merger(merge_rules_from_schema(release_schema()))


def _by_date(releases: list[Json]) -> list[Json]:
    if isinstance(releases, list) and len(releases) == 1 and isinstance(releases[0], dict):
        return releases  # one release needs no date
    try:
        return sorted(releases, key=itemgetter("date"))
    except KeyError:
        raise MergeError(f"{_name(releases)}: a release has no date, so its releases cannot be put in order") from None
    except TypeError:
        pass
    if any(not isinstance(release, dict) for release in releases):
        raise MergeError("a release to be merged is not a JSON object")
    raise MergeError(f"{_name(releases)}: a release's date is null or no text, so its releases cannot be put in order")


def _name(releases: list[Json]) -> str:
    """What a message calls the process."""
    ocids = (release.get("ocid") for release in releases if isinstance(release, dict))
    return next((str(ocid) for ocid in ocids if ocid), "a process without ocid")


# ------------------------------------------------------------------------------------------------------- straight merge
#
# What a JSON parser gives, by exact type; anything else (a subclass, a Decimal) takes the slow way.
_TEXT = frozenset({str})
_SCALARS = frozenset({str, int, float, bool, type(None)})
_OBJECT = frozenset({dict})
_NO_ID = object()


def _compiled(releases: list[Json], rules: Rules) -> Json:
    result: Json = {"tag": ["compiled"]}
    merge = _Compilation()
    for release in releases:
        ocid, date, _ = _head(release)
        result["id"] = f"{ocid}-{date}"
        result["date"] = date
        result["ocid"] = ocid
        if date is None or ocid is None:
            merge.nulls = True
        merge.update(result, release, rules)
    if merge.nulls:
        merge.prune(result, rules)
    return result


def _versioned(releases: list[Json], rules: Rules) -> Json:
    result: Json = {}
    merge = _Versioning()
    for release in releases:
        ocid, date, name = _head(release)
        result["ocid"] = ocid
        merge.release = (name, date, release.get("tag"))
        merge.update(result, release, rules)
    if "ocid" in result and result["ocid"] is None:
        del result["ocid"]
    return result


def _head(release: Json) -> tuple[Any, Any, Any]:
    ocid, date, name = release.get("ocid"), release.get("date"), release.get("id")
    if type(ocid) not in _SCALARS or type(date) not in _SCALARS or type(name) not in _SCALARS:
        raise _IrregularError
    return ocid, date, name


def _is_value(value: Any) -> bool:
    """Whether a field's content is replaced as one for what it is: no object, and no array of objects only."""
    if isinstance(value, list):
        return any(not isinstance(item, dict) for item in value)
    return not isinstance(value, dict)


def _without(obj: Json, omit: frozenset[str]) -> Json:
    kept = obj.copy()
    for key in omit:
        kept.pop(key, None)
    return kept


def _number_text(name: Any) -> str:
    """The id of an array's object, when it is a number, as the text that tells it from the others."""
    if type(name) is not int:
        raise _IrregularError
    return str(name)


class _Compilation:
    """One compiled release in the making.

    `arrays` has, by identity, every array of objects that this merge made, as a map from id to object; any other list
    is a value. Nulls stay in the result until the end, since they keep a field's place among its neighbours.

    A later release mostly repeats an earlier one. Where an object or array equals what the result has there is nothing
    to merge, which Python sees fast; unless it is `mixed`, since 100 equals 100.0 and an object without an id, however
    equal, is a new one each time.
    """

    __slots__ = ("arrays", "mixed", "nulls")

    def __init__(self) -> None:
        self.arrays: dict[int, dict[str, Json]] = {}
        self.mixed: set[int] = set()
        self.nulls = False

    def fill(self, node: Json, obj: Json, rules: Rules) -> bool:
        """Put an object's fields into a new node, which holds nothing yet but perhaps its id; whether it is mixed."""
        if rules.omit:
            obj = _without(obj, rules.omit)
        whole, below, mixed = rules.whole, rules.below, False
        for key, value in obj.items():
            kind = type(value)
            if kind is str:
                node[key] = value
            elif kind is dict and key not in whole:
                inner = below.get(key, NO_RULES)
                if _TEXT.issuperset(map(type, value.values())) and not inner.omit:
                    if value:
                        node[key] = value.copy()
                    continue
                child: Json = {}
                if self.fill(child, value, inner):
                    mixed = True
                if child:
                    node[key] = child
            elif kind is list and key not in whole and _OBJECT.issuperset(map(type, value)):
                if self.array(node, key, None, value, below.get(key, NO_RULES)):
                    mixed = True
            elif self.put(node, key, value, whole):
                mixed = True
        if mixed:
            self.mixed.add(id(node))
        return mixed

    def update(self, node: Json, obj: Json, rules: Rules) -> bool:
        """Merge an object's fields into a node that may have some already; whether it is mixed now."""
        if rules.omit:
            obj = _without(obj, rules.omit)
        whole, below, mixed = rules.whole, rules.below, id(node) in self.mixed
        for key, value, old in zip(obj, obj.values(), map(node.get, obj), strict=False):
            kind = type(value)
            if kind is str and (old is None or type(old) is str):
                node[key] = value
            elif (kind is dict or kind is list) and id(old) not in self.mixed and old == value:
                continue
            elif kind is dict and key not in whole:
                if self.object(node, key, old, value, below.get(key, NO_RULES)):
                    mixed = True
            elif kind is list and key not in whole and _OBJECT.issuperset(map(type, value)):
                if self.array(node, key, old, value, below.get(key, NO_RULES)):
                    mixed = True
            elif (type(old) is dict and key not in whole) or id(old) in self.arrays:
                if value is not None:  # null clears no object and no array of objects
                    raise _IrregularError
            elif self.put(node, key, value, whole):
                mixed = True
        if mixed:
            self.mixed.add(id(node))
        return mixed

    def object(self, node: Json, key: str, old: Any, value: Json, rules: Rules) -> bool:
        """Merge an object into what a field holds, an object or nothing; whether it is mixed now."""
        if type(old) is dict:
            return self.update(old, value, rules)
        child: Json = {}
        mixed = self.fill(child, value, rules)
        if child:
            self.place(node, key, child)
        return mixed

    def array(self, node: Json, key: str, old: Any, items: list[Json], rules: Rules) -> bool:
        """Merge an array of objects (or an empty one) into what a field holds, such an array or nothing; likewise."""
        index = self.arrays.get(id(old))
        if index is not None:
            return self.entries(old, index, items, rules)
        entries: list[Json] = []
        index = {}
        mixed = self.entries(entries, index, items, rules)
        if entries:
            self.place(node, key, entries)
            self.arrays[id(entries)] = index
        return mixed

    def entries(self, entries: list[Json], index: dict[str, Json], items: list[Json], rules: Rules) -> bool:
        """Merge an array of objects, each into the one with its id; whether the array is mixed now."""
        omit, mixed = rules.omit, id(entries) in self.mixed
        for item in items:
            name = item.get("id", _NO_ID)
            if name is _NO_ID:
                node: Json = {}
                self.fill(node, item, rules)
                if node:
                    entries.append(node)
                    mixed = True
                continue
            if type(name) is not str:
                name = _number_text(name)
            known = index.get(name)
            if known is None:
                node = {"id": item["id"]}  # the id comes first, wherever the release has it, and is never left out
                if not omit and _TEXT.issuperset(map(type, item.values())):
                    node.update(item)
                elif self.fill(node, item, rules):
                    mixed = True
                if len(node) > 1 or "id" not in omit:
                    index[name] = node
                    entries.append(node)
            elif id(known) in self.mixed or known != item:
                if type(known["id"]) is not type(item["id"]):
                    raise _IrregularError
                if self.update(known, item, rules):
                    mixed = True
        if mixed:
            self.mixed.add(id(entries))
        return mixed

    def put(self, node: Json, key: str, value: Any, whole: frozenset[str]) -> bool:
        """Set a field to a value that is replaced as one; whether that makes its object mixed."""
        node[key] = value
        kind = type(value)
        if kind is str:
            return False
        if value is None:
            self.nulls = True
            return False
        if kind is list and _TEXT.issuperset(map(type, value)):
            return False
        if kind not in _SCALARS and key not in whole and not _is_value(value):
            raise _IrregularError
        self.mixed.add(id(value))
        return True

    def place(self, node: Json, key: str, box: Json | list[Json]) -> None:
        """Put a new object or array where there was nothing, or a null, whose place among the fields is not its."""
        if node.pop(key, None) is not None:
            raise _IrregularError
        node[key] = box

    def prune(self, node: Json, rules: Rules) -> None:
        """Take the nulls out, but for those inside values."""
        for key in [key for key, value in node.items() if value is None]:
            del node[key]
        for key, value in node.items():
            if type(value) is dict and key not in rules.whole:
                self.prune(value, rules.below.get(key, NO_RULES))
            elif id(value) in self.arrays:
                for entry in value:
                    self.prune(entry, rules.below.get(key, NO_RULES))


class _Versioning:
    """One versioned release in the making.

    `arrays` is as in `_Compilation`; any other list in the result is a field's history. `latest` has, by identity, what
    each object and array was last merged from: what equals it brings no news, unless it is `restless`, that is, has
    an object without an id (a new one each time) or with a number for an id (1 equals 1.0, and they are two ids).
    """

    __slots__ = ("arrays", "latest", "release", "restless")

    def __init__(self) -> None:
        self.arrays: dict[int, dict[str, Json]] = {}
        self.latest: dict[int, Any] = {}
        self.restless: set[int] = set()
        self.release: tuple[Any, Any, Any] = (None, None, None)

    def update(self, node: Json, obj: Json, rules: Rules) -> bool:
        """Merge an object's fields into a node; whether it is restless now."""
        self.latest[id(node)] = obj
        if rules.omit:
            obj = _without(obj, rules.omit)
        restless = id(node) in self.restless
        release_id, date, tag = self.release
        for key, value in obj.items():
            kind = type(value)
            old = node.get(key)
            if kind is dict and key not in rules.whole:
                restless |= self.object(node, key, old, value, rules.below.get(key, NO_RULES))
            elif kind is list and key not in rules.whole and _OBJECT.issuperset(map(type, value)):
                restless |= self.array(node, key, old, value, rules.below.get(key, NO_RULES))
            elif kind not in _SCALARS and key not in rules.whole and not _is_value(value):
                raise _IrregularError
            elif old is None:
                node[key] = [{"releaseID": release_id, "releaseDate": date, "releaseTag": tag, "value": value}]
            # What is neither a history nor absent is the id of an array's object, which has no history, or an object or
            # array of objects, which came first and stays.
            elif type(old) is list and id(old) not in self.arrays and not value == old[-1]["value"]:  # noqa: SIM201
                old.append({"releaseID": release_id, "releaseDate": date, "releaseTag": tag, "value": value})
        if restless:
            self.restless.add(id(node))
        return restless

    def object(self, node: Json, key: str, old: Any, value: Json, rules: Rules) -> bool:
        """Merge an object into what a field holds, an object or nothing; whether it is restless now."""
        if type(old) is dict:
            return self.is_news(old, value) and self.update(old, value, rules)
        if old is not None:
            raise _IrregularError
        child: Json = {}
        restless = self.update(child, value, rules)
        if child:
            node[key] = child
        return restless

    def array(self, node: Json, key: str, old: Any, items: list[Json], rules: Rules) -> bool:
        """Merge an array of objects (or an empty one) into what a field holds, such an array or nothing; likewise."""
        index = self.arrays.get(id(old))
        if index is not None:
            return self.is_news(old, items) and self.entries(old, index, items, rules)
        if old is not None:
            raise _IrregularError
        entries: list[Json] = []
        index = {}
        restless = self.entries(entries, index, items, rules)
        if entries:
            node[key] = entries
            self.arrays[id(entries)] = index
        return restless

    def is_news(self, box: Json | list[Json], value: Any) -> bool:
        """Whether a value has anything for an object or array of the result (only: others' identities come again)."""
        return id(box) in self.restless or self.latest.get(id(box)) != value

    def entries(self, entries: list[Json], index: dict[str, Json], items: list[Json], rules: Rules) -> bool:
        """Merge an array of objects, each into the one with its id; whether the array is restless now."""
        self.latest[id(entries)] = items
        restless = id(entries) in self.restless
        seen = set()
        for item in items:
            name = item.get("id", _NO_ID)
            if name is _NO_ID:
                node: Json = {}
                self.update(node, item, rules)
                if node:
                    entries.append(node)
                    restless = True
                continue
            if type(name) is not str:
                name = _number_text(name)
            if name in seen:  # twice in one release: only the later value may enter a history
                raise _IrregularError
            seen.add(name)
            restless |= type(item["id"]) is not str
            known = index.get(name)
            if known is None:
                node = {"id": item["id"]}
                restless |= self.update(node, item, rules)
                if len(node) > 1 or "id" not in rules.omit:
                    index[name] = node
                    entries.append(node)
            elif type(known["id"]) is not type(item["id"]):
                raise _IrregularError
            elif self.is_news(known, item):
                restless |= self.update(known, item, rules)
        if restless:
            self.restless.add(id(entries))
        return restless


# --------------------------------------------------------------------------------------------------------- slow merge

# Where a value stands, as it is compared: names of fields, ids as text, and an object of its own for what has no id.
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A step of a path into an array's object: its id, or what stands for it, and what becomes of it in the result."""

    identity: Any
    shown: Any


@dataclass(slots=True)
class _Leaf:
    """One value and the steps to it as they were first seen: None for a field, an entry for an array's object."""

    steps: tuple[_Entry | None, ...]
    value: Any


class _Ledger:
    """The merge as a list of single values: each keeps the place of its first appearance, and at the end they are set
    one by one. This is what OCDS merging means when histories contradict themselves, and the measure of the other way.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.leaves: dict[_Key, _Leaf] = {}

    def compile(self, releases: list[Json]) -> Json:
        self.put("tag", ["compiled"])
        for release in releases:
            ocid, date = release.get("ocid"), release.get("date")
            self.put("id", f"{ocid}-{date}")
            self.put("date", date)
            self.put("ocid", ocid)
            for key, leaf in self.flat(release).items():
                self.leaves.setdefault(key, leaf).value = leaf.value
        return self.result(releases)

    def version(self, releases: list[Json]) -> Json:
        for release in releases:
            stamp = {
                "releaseID": release.get("id"),
                "releaseDate": release.get("date"),
                "releaseTag": release.get("tag"),
            }
            flat = self.flat(release)
            flat.pop(("ocid",), None)
            self.put("ocid", release.get("ocid"))
            for key, leaf in flat.items():
                history = self.leaves.setdefault(key, _Leaf(leaf.steps, [])).value
                if not history or not leaf.value == history[-1]["value"]:  # noqa: SIM201  # as it is defined
                    history.append({**stamp, "value": leaf.value})
        return self.result(releases)

    def put(self, name: str, value: Any) -> None:
        self.leaves.setdefault((name,), _Leaf((None,), None)).value = value

    def flat(self, release: Json) -> dict[_Key, _Leaf]:
        """The values of one release; where an id comes twice in an array, the later value counts."""
        flat: dict[_Key, _Leaf] = {}
        for key, leaf in self.walk(_without(release, frozenset({"tag"})), self.rules, (), ()):
            flat.setdefault(key, leaf).value = leaf.value
        return flat

    def walk(
        self, obj: Json, rules: Rules, key: _Key, steps: tuple[_Entry | None, ...]
    ) -> Iterator[tuple[_Key, _Leaf]]:
        for name, value in obj.items():
            if name in rules.omit:
                continue
            below = rules.below.get(name, NO_RULES)
            here, path = (*key, name), (*steps, None)
            if name in rules.whole or _is_value(value):
                yield here, _Leaf(path, value)
            elif isinstance(value, dict):
                yield from self.walk(value, below, here, path)
            else:
                for item in value:
                    alone = object()
                    text = str(item["id"]) if "id" in item else alone
                    entry = _Entry(item["id"], item["id"]) if "id" in item else _Entry(alone, None)
                    yield from self.walk(item, below, (*here, text), (*path, entry))

    def result(self, releases: list[Json]) -> Json:
        result: Json = {}
        entries: dict[_Key, Json] = {}
        for key, leaf in self.leaves.items():
            try:
                _set(result, entries, key, leaf)
            except _ClashError as clash:
                raise MergeError(
                    f"{_name(releases)}: /{clash} is of one kind in one release and another in a later"
                ) from None
        return result


class _ClashError(Exception):
    """A path, as text, at which something of another kind stands already."""


def _set(result: Json, entries: dict[_Key, Json], key: _Key, leaf: _Leaf) -> None:
    """Walk to a value's place, making what is missing, and set it unless it is null or something stands there."""
    node: Any = result
    last = len(key) - 1
    for depth, step in enumerate(leaf.steps):
        if step is None:
            if not isinstance(node, dict):
                raise _ClashError(_path(key[:depth]))
            name = key[depth]
            if name not in node:
                if depth < last:
                    node[name] = {} if leaf.steps[depth + 1] is None else []
                elif leaf.value is not None:
                    # Later values may be set inside this one, which is the release's own.
                    node[name] = deepcopy(leaf.value)
            node = node.get(name)
        else:
            address = (*key[:depth], step.identity)
            try:
                known = address in entries
            except TypeError:  # the id is an array or an object
                raise _ClashError(_path((*key[:depth], "id"))) from None
            if not known:
                if not isinstance(node, list):
                    raise _ClashError(_path(key[:depth]))
                entries[address] = {} if step.shown is None else {"id": step.shown}
                node.append(entries[address])
            node = entries[address]


def _path(key: _Key) -> str:
    return "/".join(part if isinstance(part, str) else "-" for part in key)
