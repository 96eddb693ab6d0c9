"""Merging: small histories checked by hand, and generated ones against ocdsmerge, which is the measure."""

import copy
import json
import warnings
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ocdsmerge import Merger as Reference
from ocdsmerge.exceptions import OCDSMergeError
from ocdsmerge.rules import get_merge_rules

from guatecompras.errors import GuatecomprasError
from guatecompras.ocds import merge
from guatecompras.ocds.merge import (
    NO_RULES,
    MergeError,
    Merger,
    Rules,
    compile_releases,
    merge_rules_from_schema,
    version_releases,
)
from guatecompras.ocds.profile import release_schema

# A release schema in small, with every kind of rule, and references.
SCHEMA: dict[str, Any] = {
    "definitions": {
        "Item": {
            "type": "object",
            "properties": {
                "id": {"type": ["string", "integer"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "note": {"type": "string", "omitWhenMerged": True},
                "list": {"type": "array", "wholeListMerge": True, "items": {"$ref": "#/definitions/Leaf"}},
                "leaves": {"type": ["array", "null"], "items": {"$ref": "#/definitions/Leaf"}},
            },
        },
        "Leaf": {"type": "object", "properties": {"id": {"type": "string"}, "x": {"type": "string"}}},
        "Nameless": {"type": "object", "properties": {"x": {"type": "string"}}},
        "Alias": {"$ref": "#/definitions/Item"},
    },
    "properties": {
        "ocid": {"type": "string"},
        "id": {"type": "string", "omitWhenMerged": True},
        "date": {"type": "string", "omitWhenMerged": True},
        "tag": {"type": "array", "items": {"type": "string"}, "omitWhenMerged": True},
        "items": {"type": "array", "items": {"$ref": "#/definitions/Alias"}},
        "tender": {
            "title": "beside a reference nothing counts",
            "omitWhenMerged": True,
            "$ref": "#/definitions/Item",
        },
        "nameless": {"type": "array", "items": {"$ref": "#/definitions/Nameless"}},
        "old": {"type": "array", "mergeStrategy": "ocdsVersion", "items": {"$ref": "#/definitions/Leaf"}},
        "gone": {"type": "object", "mergeStrategy": "ocdsOmit"},
        "hidden": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"id": {"type": "string", "omitWhenMerged": True}, "x": {"type": "string"}},
            },
        },
    },
}
REFERENCE_RULES = get_merge_rules(SCHEMA)
REFERENCE = Reference(merge_rules=REFERENCE_RULES)
MERGER = Merger(merge_rules_from_schema(SCHEMA))

# Without the usual rules on a release's own fields, and with rules below rules, which never count.
BARE_RULES = {("a",): "wholeListMerge", ("a", "x"): "omitWhenMerged", ("items", "id"): "omitWhenMerged"}
BARE_REFERENCE = Reference(merge_rules=BARE_RULES)
BARE = Merger(Rules(whole=frozenset({"a"}), below={"items": Rules(omit=frozenset({"id"}))}))


def text(value: Any) -> str:
    """As JSON, which tells key orders, and 1 from 1.0 and true."""
    return json.dumps(value, default=str)


def flat(rules: Rules, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Rules in ocdsmerge's form."""
    found = {(*path, name): "omitWhenMerged" for name in rules.omit}
    found |= {(*path, name): "wholeListMerge" for name in rules.whole}
    for name, below in rules.below.items():
        found |= flat(below, (*path, name))
    return found


def outcome(function: Any, releases: Any, errors: tuple[type[Exception], ...]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return text(function(releases))
        except errors:
            return "error"


def assert_agree(releases: Any, mergers: tuple[tuple[Merger, Reference], ...] = ((MERGER, REFERENCE),)) -> None:
    before = text(releases)
    for ours, theirs in mergers:
        for mine, yours in (
            (ours.compile, theirs.create_compiled_release),
            (ours.version, theirs.create_versioned_release),
        ):
            got = outcome(mine, releases, (MergeError,))
            assert text(releases) == before, "an input was changed"
            # ocdsmerge may change its input, and raises more than its own errors (an array as an id).
            assert got == outcome(yours, copy.deepcopy(releases), (OCDSMergeError, TypeError))


# ------------------------------------------------------------------------------------------------------------ examples


def release(date: str, **fields: Any) -> dict[str, Any]:
    return {"ocid": "ocds-1", "id": f"r{date}", "date": date, "tag": ["tender"], **fields}


def test_compiled_takes_the_latest_values_and_keeps_what_later_releases_leave_out() -> None:
    first = release(
        "2024-01", tender={"title": "A", "value": 1}, items=[{"x": "1", "id": "i1"}, {"id": "i2", "x": "2"}]
    )
    second = release("2024-02", tender={"value": 2, "status": "s"}, items=[{"id": "i3"}, {"id": "i1", "x": "9"}])
    expected = {
        "tag": ["compiled"],
        "id": "ocds-1-2024-02",
        "date": "2024-02",
        "ocid": "ocds-1",
        "tender": {"title": "A", "value": 2, "status": "s"},
        "items": [{"id": "i1", "x": "9"}, {"id": "i2", "x": "2"}, {"id": "i3"}],
    }
    assert text(MERGER.compile([second, first])) == text(expected)
    assert text(MERGER.compile_sorted([first, second])) == text(expected)


def test_nulls_and_empty_containers() -> None:
    first = release("1", tender={"title": "A", "x": {"y": None}, "z": {}}, items=[{"id": "1", "x": 1}])
    second = release("2", tender={"title": None, "x": {}}, items=[], buyer=None, list=[None, 1])
    merged = MERGER.compile([first, second])
    assert merged["tender"] == {"x": {}}
    assert merged["items"] == [{"id": "1", "x": 1}]
    assert merged["list"] == [None, 1]
    assert "buyer" not in merged


def test_whole_lists_are_replaced_and_may_be_emptied() -> None:
    first = release("1", tender={"list": [{"id": "1", "x": 1}, {"id": "2"}], "tags": ["a", "b"]}, nameless=[{"x": 1}])
    second = release("2", tender={"list": [{"id": "1", "y": None}], "tags": []}, nameless=[{"x": 2}])
    merged = MERGER.compile([first, second])
    assert merged["tender"] == {"list": [{"id": "1", "y": None}], "tags": []}
    assert merged["nameless"] == [{"x": 2}]


def test_objects_without_an_id_are_new_each_time_even_when_equal() -> None:
    assert (
        MERGER.compile([release("1", many=[{"x": "1"}]), release("2", many=[{"x": "1"}])])["many"] == [{"x": "1"}] * 2
    )


def test_versioned_has_a_history_for_every_value_that_changed() -> None:
    first = release("1", tender={"title": "A", "value": 1})
    second = release("2", tender={"title": "B", "value": 1}, items=[{"x": "1", "id": "i"}])

    def entry(number: str, value: Any) -> dict[str, Any]:
        return {"releaseID": f"r{number}", "releaseDate": number, "releaseTag": ["tender"], "value": value}

    expected = {
        "ocid": "ocds-1",
        "tender": {"title": [entry("1", "A"), entry("2", "B")], "value": [entry("1", 1)]},
        "items": [{"id": "i", "x": [entry("2", "1")]}],
    }
    assert text(MERGER.version([second, first])) == text(expected)


def test_a_number_that_is_spelt_anew_is_taken_as_the_latest_spells_it() -> None:
    releases = [release("1", tender={"value": {"amount": 100}}), release("2", tender={"value": {"amount": 100.0}})]
    assert text(MERGER.compile(releases)["tender"]) == '{"value": {"amount": 100.0}}'
    assert_agree(releases)


def test_a_later_merge_does_not_reach_into_an_earlier_release() -> None:
    first = release(
        "1", tender={"x": {"y": "1"}, "tags": ["a"]}, items=[{"id": "1", "leaves": [{"id": "2", "x": "3"}]}]
    )
    second = release(
        "2", tender={"x": {"y": "2"}, "tags": ["b"]}, items=[{"id": "1", "leaves": [{"id": "2", "x": "4"}]}]
    )
    assert_agree([first, second])


@pytest.mark.parametrize(
    "releases",
    [
        [],
        [{}],
        [{"date": None, "ocid": None}],
        [{"id": 1, "x": 1}],
        [{}, {}],
        [{"date": "1"}, {}],
        [{"date": None}, {"date": "1"}],
        [{"date": None}, {"date": None}],
        [{"date": 2, "x": 2}, {"date": 1, "x": 1}],
        [{"date": 1}, {"date": "1"}],
        [{"date": {}}, {"date": {}}],
        [{"date": ["1"]}, {"date": ["2"]}],
        [{"date": {"a": 1}}],
        [{"date": "1"}, []],
        [{"date": "1"}, "x"],
        [{"date": "1"}, None],
        ["x"],
        [None],
        ({"date": "1"},),
        ({},),
        [{"date": "1", "x": 1}, {"date": "1", "x": 2}],
        [{"date": "1", "ocid": "a"}, {"date": "2"}],
        [{"date": "1", "ocid": {"x": 1}}, {"date": "2", "ocid": {"y": [{"id": 1}]}}],
        [{"date": "1", "id": {"x": 1}}],
        [{"date": "1", "tag": {"x": 1}, "x": 1}],
    ],
)
def test_dates_and_heads_agree_with_ocdsmerge(releases: Any) -> None:
    assert_agree(releases, ((MERGER, REFERENCE), (BARE, BARE_REFERENCE), (Merger(NO_RULES), Reference(merge_rules={}))))


@pytest.mark.parametrize(
    "values",
    [
        [5, {"x": 1}],
        [{"x": 1}, 5],
        [{"x": 1}, None, 5],
        [None, {"x": 1}],
        [None, {"x": 1}, 5],
        [None, {"x": 1}, None],
        [5, {"x": 1}, None],
        [5, [{"id": 1}]],
        [[1], [{"id": 1}]],
        [[{"id": 1}], [1], [{"id": 1, "x": 2}]],
        [[1], [{"id": 1, "x": 1}], [{"id": "1", "y": 1}]],
        [{"x": 1}, [{"id": 1}]],
        [[{"id": 1}], {"x": 1}],
        [[{"id": 1, "x": 1}], [{"id": "1", "x": 2, "y": 3}]],
        [[{"id": 1, "l": [{"id": "a", "x": 1}]}], [{"id": "1", "l": [{"id": "a", "y": 2}]}]],
        [[{"id": 1, "x": 1}], [{"id": 1.0, "x": 2}], [{"id": True, "y": 3}]],
        [[{"id": None, "x": 1}, {"id": None, "y": 2}], [{"id": "None", "x": 3}]],
        [[{"id": [1]}]],
        [[{"id": {}}]],
        [[{"id": {}, "x": 1}]],
        [[{"id": {"a": 1}}]],
        [[{"id": "1", "x": 1}, {"id": "1", "x": 2}], [{"id": "1", "x": 1}]],
        [[{}], [{"id": "1"}]],
        [[{"x": {}}], []],
        [[{"x": None}], [{"x": None}]],
        [{"x": 1}, {"x": True}, {"x": 1.0}],
        [Decimal("1.0"), Decimal("1.00")],
        [OrderedDict(x=1), {"x": 2}, OrderedDict(x=OrderedDict(y=1))],
        [[OrderedDict(id=1, x=1)], [OrderedDict(id=1, x=2)]],
    ],
)
def test_contradicting_histories_agree_with_ocdsmerge(values: list[Any]) -> None:
    for name in ("other", "a", "items", "tender"):
        releases = [{"date": str(n), "ocid": "o", "first": n, name: value} for n, value in enumerate(values)]
        assert_agree(releases, ((MERGER, REFERENCE), (BARE, BARE_REFERENCE)))


def test_what_is_not_kept_leaves_no_trace() -> None:
    """An array that came to nothing is forgotten, and the next one, which may get its place in memory, is not it."""
    assert_agree([{"date": "1", "items": [{"id": "1"}], "old": [{"id": "1"}]}], ((BARE, BARE_REFERENCE),))


def test_errors_are_one_clear_line() -> None:
    with pytest.raises(MergeError, match=r"^ocds-1: /tender/x is of one kind in one release and another in a later$"):
        MERGER.compile([release("1", tender={"x": 1}), release("2", tender={"x": {"y": 1}})])
    with pytest.raises(MergeError, match=r"^ocds-1: a release has no date"):
        MERGER.compile([{"ocid": "ocds-1"}, {"date": "1"}])
    assert issubclass(MergeError, GuatecomprasError)


# ----------------------------------------------------------------------------------------------------------- generated

scalars = st.sampled_from(["", "a", "b", "1", 0, 1, 1.0, True, False, None, 10**30])
ids = st.sampled_from(["1", "1", "2", "3", "é"])
wild_ids = st.sampled_from(["1", "2", 1, 2, 1.0, True, None, "None", "True", [], {}, [1], {"x": 1}])
NAMES = sorted({*SCHEMA["properties"], "tags", "note", "list", "leaves", "a", "x"} - {"date", "id"})


def fields(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(NAMES), values, max_size=5)


def entries(values: st.SearchStrategy[Any], names: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Arrays of objects whose id is anywhere among their fields, or missing."""

    def with_id(fields: dict[str, Any], name: Any, place: int) -> dict[str, Any]:
        items = [(key, value) for key, value in fields.items() if key != "id"]
        return dict([*items[:place], ("id", name), *items[place:]])

    item = st.one_of(st.builds(with_id, fields(values), names, st.integers(0, 3)), fields(values))
    return st.lists(item, max_size=3)


def wild_values() -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars | st.lists(scalars, max_size=2),
        lambda inner: fields(inner) | entries(inner, wild_ids) | entries(inner, ids) | st.lists(inner, max_size=2),
        max_leaves=8,
    )


def wild_release() -> st.SearchStrategy[dict[str, Any]]:
    own = st.fixed_dictionaries({"date": st.sampled_from(["1", "2", "3"])}, optional={"id": scalars})
    return st.builds(lambda own, fields: {**own, **fields}, own, fields(wild_values()))


# Tame histories: each field keeps its kind, so that most are merged the straight way.
plain = st.sampled_from(["a", "b", "c"]) | st.sampled_from([1, 1.0, True, 2])
maybe = plain | st.none()
leaf_item = st.fixed_dictionaries({}, optional={"x": maybe, "o": st.fixed_dictionaries({}, optional={"y": maybe})})


def identified(item: st.SearchStrategy[dict[str, Any]], names: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Distinct ids in each array, the id first or last, and now and then an object without one."""
    first = st.builds(lambda name, fields: {"id": name, **fields}, names, item)
    last = st.builds(lambda name, fields: {**fields, "id": name}, names, item)
    return st.lists(first | last | last | item, max_size=3, unique_by=lambda entry: entry.get("id"))


tame_item = st.fixed_dictionaries(
    {},
    optional={
        "x": maybe,
        "tags": st.lists(plain, max_size=2) | st.none(),
        "list": identified(leaf_item, ids),
        "leaves": identified(leaf_item, ids) | st.none(),
        "numbered": identified(leaf_item, st.integers(0, 2)),
        "note": maybe,
        "o": st.fixed_dictionaries({}, optional={"y": maybe, "z": plain, "leaves": identified(leaf_item, ids)}),
    },
)
tame_release = st.fixed_dictionaries(
    {"date": st.sampled_from(["1", "2", "3"]), "ocid": st.just("ocds-1")},
    optional={
        "id": st.sampled_from(["r1", "r2"]),
        "tag": st.just(["tender"]),
        "tender": tame_item,
        "items": identified(tame_item, ids),
        "nameless": st.lists(leaf_item, max_size=2),
        "old": identified(leaf_item, ids),
        "gone": leaf_item,
        "hidden": identified(leaf_item, ids),
        "other": identified(tame_item, ids),
    },
)


@settings(max_examples=400)
@given(st.lists(wild_release(), min_size=1, max_size=4))
@example([{"date": "1", "x": {"a": 1}}, {"date": "2", "x": [{"id": "a"}]}])
def test_wild_histories_agree_with_ocdsmerge(releases: list[dict[str, Any]]) -> None:
    assert_agree(releases, ((MERGER, REFERENCE), (BARE, BARE_REFERENCE)))


@settings(max_examples=400)
@given(st.lists(tame_release, min_size=1, max_size=4))
def test_tame_histories_agree_with_ocdsmerge(releases: list[dict[str, Any]]) -> None:
    assert_agree(releases)


@settings(max_examples=200)
@given(tame_release, st.lists(st.tuples(st.sampled_from(["tender", "items", "other"]), tame_item), max_size=3))
def test_repeated_snapshots_agree_with_ocdsmerge(
    start: dict[str, Any], changes: list[tuple[str, dict[str, Any]]]
) -> None:
    releases = [start]
    for number, (name, item) in enumerate(changes):
        snapshot = copy.deepcopy(releases[-1]) | {"date": f"4{number}"}
        if name == "tender":
            snapshot["tender"] = snapshot.get("tender", {}) | item
        else:
            snapshot[name] = [*snapshot.get(name, []), {"id": f"n{number}", **item}]
        releases.append(snapshot)
    assert_agree(releases)


@settings(max_examples=200)
@given(st.lists(tame_release, min_size=1, max_size=4))
def test_both_ways_of_merging_agree(releases: list[dict[str, Any]]) -> None:
    """What the straight way merges, the slow way merges alike; a sample of contradictions alone would not show it."""
    ledger = merge._Ledger(MERGER.rules).compile(releases)
    assert text(MERGER.compile_sorted(releases)) == text(ledger)
    ledger = merge._Ledger(MERGER.rules).version(releases)
    assert text(MERGER.version_sorted(releases)) == text(ledger)


def test_ordinary_histories_go_the_straight_way() -> None:
    releases = [
        release("1", tender={"title": "A", "value": {"amount": 1}, "tags": ["a"]}, items=[{"id": 1}, {"id": 2}]),
        release("2", tender={"title": None, "value": {"amount": 2}, "tags": []}, items=[{"id": 1, "x": None}]),
    ]
    rules = MERGER.rules
    root = Rules(rules.omit | {"ocid", "tag"}, rules.whole, rules.below)
    assert merge._compiled(releases, root) == MERGER.compile(releases)
    assert merge._versioned(releases, root) == MERGER.version(releases)


# --------------------------------------------------------------------------------------------------------------- rules


def test_rules_are_those_that_ocdsmerge_reads() -> None:
    assert flat(MERGER.rules) == REFERENCE_RULES


def test_the_projects_own_rules() -> None:
    rules = get_merge_rules(release_schema())
    assert flat(merge_rules_from_schema(release_schema())) == rules
    releases = [
        release("1", tender={"title": "A"}, parties=[{"id": "p", "roles": ["buyer"]}]),
        release("2", tender={"title": "B"}, parties=[{"id": "p", "roles": ["supplier"]}]),
    ]
    theirs = Reference(merge_rules=rules)
    assert text(compile_releases(releases)) == text(theirs.create_compiled_release(releases))
    assert text(version_releases(releases)) == text(theirs.create_versioned_release(releases))


def test_rules_of_odd_schemas() -> None:
    schema: dict[str, Any] = {
        "$defs": {"a/b": [{"type": "array", "items": {"type": ["object", "null"], "properties": {"id": {}}}}]},
        "properties": {
            "both": {"type": ["array", "object"], "properties": {"x": {"omitWhenMerged": True}}, "items": {}},
            "untyped": {"items": {"type": "string"}},
            "loose": {"type": "array", "items": {}},
            "pointer": {"$ref": "#/$defs/a~1b/0"},
            "scalar": {"type": "string", "wholeListMerge": True},
            "tuple": {"type": "array", "items": [{"type": "string"}]},
        },
    }
    assert flat(merge_rules_from_schema(schema)) == get_merge_rules(schema)


@pytest.mark.parametrize(
    "reference", ["#/definitions/none", "http://example.org/x.json", "#/properties/a", "#/definitions/loop"]
)
def test_references_that_cannot_be_followed(reference: str) -> None:
    loop = {"type": "object", "properties": {"x": {"$ref": "#/definitions/loop"}}}
    with pytest.raises(ValueError, match="schema"):
        merge_rules_from_schema({"definitions": {"loop": loop}, "properties": {"a": {"$ref": reference}}})
