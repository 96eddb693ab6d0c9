"""Merging under the standard's own schema, and real releases grown into histories, against ocdsmerge."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ocdsmerge import Merger as Reference
from ocdsmerge.rules import get_merge_rules

from guatecompras.ocds.merge import Merger, Rules, merge_rules_from_schema

DATA = Path(os.environ.get("GUATECOMPRAS_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
SCHEMA = DATA / "standard" / "release-schema.json"
RELEASES = sorted((DATA / "releases").glob("*.json"))
pytestmark = pytest.mark.skipif(not SCHEMA.exists() or not RELEASES, reason="the shared data are not here")


def flat(rules: Rules, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    found = {(*path, name): "omitWhenMerged" for name in rules.omit}
    found |= {(*path, name): "wholeListMerge" for name in rules.whole}
    for name, below in rules.below.items():
        found |= flat(below, (*path, name))
    return found


def history(first: dict[str, Any]) -> list[dict[str, Any]]:
    """Four snapshots: as published; a document more and a status; an award to a new party; the award taken back."""
    second = copy.deepcopy(first) | {"id": "second", "date": "2030-01-01T00:00:00-06:00", "tag": ["tenderUpdate"]}
    second["tender"]["statusDetails"] = "Evaluación"
    second["tender"].setdefault("documents", []).insert(0, {"title": "Acta", "id": "new", "url": None})
    third = copy.deepcopy(second) | {"id": "third", "date": "2030-02-01T00:00:00-06:00", "tag": ["award"]}
    third["parties"].append({"name": "Proveedor", "id": "GT-NIT-1", "roles": ["supplier"], "details": {}})
    third["awards"] = [{"status": "active", "value": {"amount": 10.0}, "id": 7, "suppliers": [{"id": "GT-NIT-1"}]}]
    fourth = copy.deepcopy(third) | {"id": "fourth", "date": "2030-03-01T00:00:00-06:00"}
    fourth["awards"][0] |= {"status": "cancelled", "value": {"amount": 10}, "suppliers": None}
    fourth["parties"].pop()
    return [first, fourth, second, third]


def test_the_standards_rules_are_those_that_ocdsmerge_reads() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert flat(merge_rules_from_schema(schema)) == get_merge_rules(schema)


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_real_releases_agree_with_ocdsmerge(path: Path) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    ours, theirs = Merger(merge_rules_from_schema(schema)), Reference(merge_rules=get_merge_rules(schema))
    for release in json.loads(path.read_text("utf-8"))["releases"]:
        for releases in ([release], history(release)):
            before = json.dumps(releases)
            compiled, versioned = ours.compile(releases), ours.version(releases)
            assert json.dumps(releases) == before
            assert json.dumps(compiled) == json.dumps(theirs.create_compiled_release(copy.deepcopy(releases)))
            assert json.dumps(versioned) == json.dumps(theirs.create_versioned_release(copy.deepcopy(releases)))
