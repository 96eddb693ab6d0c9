"""Documents told apart: every row is where it should be, and the rows make the second document of the first."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.changes.diff import ABSENT, applied, differences

Json = Any

_NAMES = st.one_of(st.sampled_from(["id", "a", "b", "", "a/b", "[1]", "~", "~1"]), st.text("a~/[]é\n", max_size=3))
_IDS = st.one_of(st.sampled_from(["1", "2", "3", "", "~", "a]b"]), st.integers(1, 3))
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.5, 1.0, 2.0]), st.text("a~/[]é\n", max_size=3)
)


def _deeper(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    entry = st.tuples(_IDS, st.dictionaries(_NAMES, inner, max_size=2)).map(lambda pair: pair[1] | {"id": pair[0]})
    return st.one_of(
        st.dictionaries(_NAMES, inner, max_size=4),
        st.lists(inner, max_size=3),
        st.lists(entry, max_size=4),
        st.lists(entry, max_size=4, unique_by=lambda entry: str(entry["id"])),
    )


_DOCUMENTS = st.recursive(_LEAVES, _deeper, max_leaves=20)


def _exact(document: Json) -> str:
    """Unlike ==, this tells 1, 1.0 and true apart."""
    return "" if document is ABSENT else json.dumps(document, sort_keys=True)


@settings(max_examples=250, deadline=None)
@given(_DOCUMENTS, _DOCUMENTS)
def test_the_differences_make_the_second_of_the_first(before: Json, after: Json) -> None:
    kept = _exact(before)
    rows = list(differences(before, after))
    assert _exact(applied(before, rows)) == _exact(after)
    assert _exact(before) == kept
    assert len({path for path, _, _ in rows}) == len(rows)


@settings(max_examples=100, deadline=None)
@given(_DOCUMENTS)
def test_a_document_does_not_differ_from_itself_and_comes_from_nothing(document: Json) -> None:
    assert not list(differences(document, json.loads(json.dumps(document))))
    assert _exact(applied(ABSENT, differences(ABSENT, document))) == _exact(document)
    assert applied(document, differences(document, ABSENT)) is ABSENT


_ITEMS: Json = {"tender": {"items": [{"id": "GT-1", "quantity": 5}, {"id": "GT-2", "quantity": 1}]}}


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ({"a": 1}, {"a": 1.0}, [("a", "1", "1.0")]),
        ({"a": True}, {"a": 1}, [("a", "true", "1")]),
        ({"a": None}, {}, [("a", "null", None)]),
        ({"a": {"c": 2, "b": 1}}, {}, [("a", '{"b":1,"c":2}', None)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", "[1,2]", "[2,1]")]),
        ({"a": [{"id": 1}, {"id": 1}]}, {"a": [{"id": 1}]}, [("a", '[{"id":1},{"id":1}]', '[{"id":1}]')]),
        (
            _ITEMS,
            {"tender": {"items": [{"id": "GT-1", "quantity": 6}, {"id": "GT-2", "quantity": 1}]}},
            [("tender/items[GT-1]/quantity", "5", "6")],
        ),
        # One that is new, or the first of all, is one row; so is one that is gone.
        ({"awards": [{"id": "1"}]}, {"awards": [{"id": "1"}, {"id": "2"}]}, [("awards[2]", None, '{"id":"2"}')]),
        ({}, {"awards": [{"id": "1"}]}, [("awards[1]", None, '{"id":"1"}')]),
        ({"awards": [{"id": "1"}]}, {}, [("awards[1]", '{"id":"1"}', None)]),
        ({"a": [{"id": "1"}]}, {"a": []}, [("a[1]", '{"id":"1"}', None), ("a", None, "[]")]),
        # A new one among the others, and the others changing places.
        (
            {"a": [{"id": 1}, {"id": 3}]},
            {"a": [{"id": 1}, {"id": 2}, {"id": 3}]},
            [("a[2]", None, '{"id":2}'), ("a[~]", '["1","3"]', '["1","2","3"]')],
        ),
        ({"a": [{"id": 1}, {"id": 2}]}, {"a": [{"id": 2}, {"id": 1}]}, [("a[~]", '["1","2"]', '["2","1"]')]),
        # What a path uses itself is escaped in keys and ids.
        ({"a/b": {"": 1}}, {"a/b": {"": 2}}, [("a~1b/~", "1", "2")]),
        ({"a": [{"id": "[/]", "b": 1}]}, {"a": [{"id": "[/]", "b": 2}]}, [("a[~2~1~3]/b", "1", "2")]),
        (1, [1], [("", "1", "[1]")]),
    ],
)
def test_rows_are_where_they_should_be(
    before: Json, after: Json, rows: list[tuple[str, str | None, str | None]]
) -> None:
    assert list(differences(before, after)) == rows


def test_differences_of_another_document_are_refused() -> None:
    with pytest.raises(KeyError):
        applied({"a": []}, [("a[1]/b", "1", "2")])
    with pytest.raises(ValueError, match="is not a path"):
        applied({"a": 1}, [("a[", "1", "2")])
