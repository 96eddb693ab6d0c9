"""Two JSON documents told apart, path by path, and one made from the other again. Which documents those are is the caller's.

A path says where: keys joined by `/`; an entry of a list whose entries all have an `id` of their own as `[id]`:
`tender/items[GT-1]/quantity`. The document itself is the empty path.

| in a path | stands for |
|---|---|
| `~0` `~1` `~2` `~3` | `~` `/` `[` `]` in a key or an id |
| `~` | a key of no letters |
| `[~]` | the order of a list's entries; before and after are the lists of their ids |

Lists without such ids are compared as a whole. What is new or gone is one row, with all it holds: an entry, an object. A list
of entries that is new or gone is one row an entry (the first award is told like the second), and a list whose last entry
goes is gone with it. New entries stand after the others; where they do not, or the others changed places, the order is
one more row.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

Json = Any
Difference = tuple[str, str | None, str | None]

ORDER = "[~]"

_ESCAPES = {"~": "~0", "/": "~1", "[": "~2", "]": "~3"}
_ESCAPED = {escape: letter for letter, escape in _ESCAPES.items()}
_SPECIAL = re.compile(r"[~/\[\]]")
_STEP = re.compile(r"\[(?P<id>[^\]]*)\]|/?(?P<key>[^/\[]+)")


class _Absent:
    """Where a document has nothing."""


ABSENT = _Absent()


def differences(before: Json, after: Json) -> Iterator[Difference]:
    """Where two documents differ: path, before and after as compact JSON text with sorted keys, None where there is nothing.

    Keys in order, entries in the order of `before`, new ones last. 1 and 1.0 differ, as true and 1 do. `applied` makes
    `after` of `before` and these.
    """
    return _differences("", before, after)


def applied(document: Json, rows: Iterable[Difference]) -> Json:
    """A document with differences applied, in their order; ABSENT when nothing is left. The one given stays as it is.

    Raises KeyError or ValueError when they are not of this document.
    """
    root = {"": orjson.loads(orjson.dumps(document))} if document is not ABSENT else {}
    for path, _, after in rows:
        steps = [("key", ""), *_steps(path)]
        value: Json = ABSENT if after is None else orjson.loads(after)
        if path.endswith(ORDER):
            _reorder(_descend(root, steps[:-1]), value)
        else:
            _put(root, steps, value)
    return root.get("", ABSENT)


def text_of(value: Json) -> str:
    """A value as compact JSON with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def escaped(name: str) -> str:
    """A key or an id as it stands in a path."""
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], name)


# Telling apart.


def _differences(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _in_objects(path, before, after)
    elif isinstance(before, dict) or isinstance(after, dict) or not _listed(before, after):
        if not _same(before, after):
            yield path, _text(before), _text(after)
    else:
        yield from _in_lists(path, before, after)


def _in_objects(path: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key, ABSENT), after.get(key, ABSENT)
        # Most values are the same leaves.
        if type(one) is type(other) and not isinstance(one, dict | list) and one == other:
            continue
        name = escaped(key) or "~"
        yield from _differences(f"{path}/{name}" if path else name, one, other)


def _listed(before: Json, after: Json) -> bool:
    """Whether these are to be compared entry by entry: a list of entries with ids, and another or nothing."""
    kinds = [value for value in (before, after) if value is not ABSENT]
    if not all(isinstance(value, list) for value in kinds):
        return False
    return any(kinds) and all(_by_id(value) is not None for value in kinds)


def _by_id(entries: list[Json]) -> dict[str, Json] | None:
    """The entries of a list by their ids' texts; None when one has none of its own."""
    found: dict[str, Json] = {}
    for entry in entries:
        name = entry.get("id") if isinstance(entry, dict) else None
        if type(name) is not str and type(name) is not int:
            return None
        found[str(name)] = entry
    return found if len(found) == len(entries) else None


def _in_lists(path: str, before: Json, after: Json) -> Iterator[Difference]:
    old, new = ({} if value is ABSENT else _by_id(value) or {} for value in (before, after))
    for name, entry in old.items():
        place = f"{path}[{escaped(name)}]"
        yield from _differences(place, entry, new[name]) if name in new else ((place, text_of(entry), None),)
    for name, entry in new.items():
        if name not in old:
            yield f"{path}[{escaped(name)}]", None, text_of(entry)
    if old and not new and after is not ABSENT:
        yield path, None, "[]"
    common = [name for name in old if name in new]
    if [*common, *(name for name in new if name not in old)] != list(new):
        yield path + ORDER, text_of(list(old)), text_of(list(new))


def _same(before: Json, after: Json) -> bool:
    if type(before) is not type(after):
        return False
    return _text(before) == _text(after) if isinstance(before, dict | list) else bool(before == after)


def _text(value: Json) -> str | None:
    return None if value is ABSENT else text_of(value)


# Applying.


def _steps(path: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(path):
        found = _STEP.match(path, place)
        if found is None:
            raise ValueError(f"'{path}' is not a path of a document")
        yield ("key", _unescaped(found["key"])) if found["key"] is not None else ("id", _unescaped(found["id"]))
        place = found.end()


def _unescaped(name: str) -> str:
    return "" if name == "~" else re.sub("~[0-3]", lambda found: _ESCAPED[found[0]], name)


def _descend(root: Json, steps: Iterable[tuple[str, str]]) -> Json:
    for kind, name in steps:
        root = root[name] if kind == "key" else root[_place(root, name)]
    return root


def _put(root: Json, steps: list[tuple[str, str]], value: Json) -> None:
    kind, name = steps[-1]
    if kind == "key":
        holder = _descend(root, steps[:-1])
        if value is ABSENT:
            del holder[name]
        else:
            holder[name] = value
        return
    (holder, key), entries = _list_at(root, steps[:-1])
    place = next((index for index, entry in enumerate(entries) if str(entry["id"]) == name), len(entries))
    entries[place : place + 1] = [] if value is ABSENT else [value]
    if not entries:
        del holder[key]


def _list_at(root: Json, steps: list[tuple[str, str]]) -> tuple[tuple[Json, str], list[Json]]:
    """A list, made where there is none, and what holds it under which key: no list stands in another by an id."""
    holder, key = _descend(root, steps[:-1]), steps[-1][1]
    return (holder, key), holder.setdefault(key, [])


def _place(entries: list[Json], name: str) -> int:
    for index, entry in enumerate(entries):
        if str(entry["id"]) == name:
            return index
    raise KeyError(name)


def _reorder(entries: list[Json], names: list[str]) -> None:
    places = {name: place for place, name in enumerate(names)}
    entries.sort(key=lambda entry: places[str(entry["id"])])
