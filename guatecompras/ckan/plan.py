"""What has to be done so that the portal has what it should: pure, from what is there and what is wanted.

Only what we say is compared: whoever edits another field, or adds a resource of their own, keeps it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from guatecompras.ckan.wanted import KEY, LOADED, Dataset, Resource

Json = dict[str, Any]
# Fields of datasets in which order says nothing, and what of their entries is ours.
_LISTS = {"tags": ("name",), "extras": ("key", "value")}


@dataclass(frozen=True)
class Step:
    """One thing to do. `id`: of the resource that is there."""

    do: Literal["create", "describe", "add", "replace", "load"]
    dataset: str
    what: str
    why: str
    resource: Resource | None = None
    id: str = ""

    def __str__(self) -> str:
        return f"{self.do:8} {self.dataset} {self.what}: {self.why}"


def steps(dataset: Dataset, there: Json | None, most_bytes: int) -> list[Step]:
    """What to do for one dataset. `there`: as the portal shows it, None where it has none; `most_bytes`: of an upload, larger
    files are linked."""
    if there is None:
        first = [Step("create", dataset.name, "", "it is not there")]
        return first + [step for one in dataset.resources for step in _of_resource(dataset.name, one, None, most_bytes)]
    found: list[Step] = []
    if wrong := sorted(_differing(dataset.fields, there)):
        found.append(Step("describe", dataset.name, "", f"{', '.join(wrong)} changed"))
    known = {one.get(KEY): one for one in there.get("resources", [])}
    for one in dataset.resources:
        found += _of_resource(dataset.name, one, known.get(one.key), most_bytes)
    return found


def _of_resource(name: str, wanted: Resource, there: Json | None, most_bytes: int) -> Iterable[Step]:
    if there is None:
        yield Step("add", name, wanted.key, "it is not there", wanted)
    elif wrong := sorted(_wrong(wanted, there, most_bytes)):
        yield Step("replace", name, wanted.key, f"{', '.join(wrong)} changed", wanted, there["id"])
    if wanted.table and (there or {}).get(LOADED) != wanted.sha256:
        yield Step("load", name, wanted.key, "its table is not loaded", wanted, (there or {}).get("id", ""))


def _wrong(wanted: Resource, there: Json, most_bytes: int) -> Iterable[str]:
    expected = {**wanted.fields, "hash": wanted.sha256}
    yield from (name for name, value in expected.items() if there.get(name) != value)
    if is_linked(wanted, there, most_bytes):
        if there.get("url") != wanted.url:
            yield "url"
    elif there.get("size") not in (wanted.bytes, str(wanted.bytes)):
        yield "size"


def is_linked(wanted: Resource, there: Mapping[str, Any], most_bytes: int) -> bool:
    """Whether a resource is a link: too large, or the portal did not take it."""
    return wanted.bytes > most_bytes or (there.get("url_type") != "upload" and there.get("url") == wanted.url)


def _differing(wanted: Json, there: Json) -> Iterable[str]:
    for name, value in wanted.items():
        if name == "owner_org":
            told = there.get("organization") or {}
            if value not in (told.get("name"), told.get("id")):
                yield name
        elif name in _LISTS:
            keys = _LISTS[name]
            held = {tuple(entry.get(key) for key in keys) for entry in there.get(name, [])}
            if not {tuple(entry[key] for key in keys) for entry in value} <= held:
                yield name
        elif there.get(name) != value:
            yield name


def merged(wanted: Json, there: Json) -> Json:
    """The fields of a dataset with ours in them; what others added to lists stays."""
    told = dict(wanted)
    for name, keys in _LISTS.items():
        first = keys[0]
        ours = {entry[first] for entry in wanted[name]}
        others = [{key: entry[key] for key in keys} for entry in there.get(name, []) if entry[first] not in ours]
        told[name] = [*wanted[name], *others]
    return told
