"""Our releases of two real NOGs beside the official ones: every difference is listed here, with who asked for it."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from guatecompras import snapshot
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.ocds.packages import package_head
from guatecompras.ocds.validation import Validator
from guatecompras.settings import Settings
from resources.sources.ocds import OcdsSource

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED") or Path(__file__).parents[2].parent / "shared")
FOLDER = SHARED / "data" / "releases"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data are not here")

Json = dict[str, Any]
NOGS = {"29813743": "2026-04", "30714915": "2026-06"}

_UNIT = {
    "29813743": "DEPARTAMENTO DE COMPRAS MUNICIPALIDAD DE CONCEPCION TUTUAPA",
    "30714915": 'HOSPITAL GENERAL "DOCTOR JUAN JOSÉ ARÉVALO BERMEJO"',
}
_NITS = {"6200060", "2342855"}


@dataclass(frozen=True)
class Difference:
    """Something that differs: where (arrays without their positions), how ours follows from theirs, and why it should.

    `count`: how often, in both releases together; `pain`: its number in the list of pains, 0 where the reason says more.
    """

    path: str
    count: int
    holds: Callable[[Any, Any], bool]
    pain: int
    reason: str


def _clean(text: str) -> str:
    return " ".join(re.sub("<br />", " ", text).split())


DIFFERENCES = (
    Difference(
        "buyer/id",
        2,
        lambda theirs, ours: theirs.removeprefix("GT-NIT-") in _NITS and ours.startswith("GT-CISP-"),
        4,
        "the buyer is a party: the entity",
    ),
    Difference(
        "tender/procuringEntity/id",
        2,
        lambda theirs, ours: theirs.removeprefix("GT-NIT-") in _NITS and ours in ("GT-GCUC-342-2", "GT-GCUC-52-15"),
        4,
        "who buys is a party: the purchasing unit",
    ),
    Difference(
        "tender/procuringEntity/name",
        2,
        lambda theirs, ours: ours in _UNIT.values(),
        4,
        "the name of the purchasing unit, not of the entity",
    ),
    Difference(
        "parties/roles",
        2,
        lambda theirs, ours: (theirs, ours) == (["buyer"], ["procuringEntity"]),
        4,
        "the purchasing unit is the one that procures; the entity buys",
    ),
    Difference(
        "parties/additionalIdentifiers",
        2,
        lambda theirs, ours: (
            theirs is None
            and [item["scheme"] for item in ours] == ["GT-NIT", "GT-GCUC"]
            and ours[0]["id"] in _NITS
            and ours[1]["id"] in ("342-0", "52-0")
        ),
        4,
        "the entity's NIT, which the official buyer.id was, and its number in Guatecompras",
    ),
    Difference(
        "tender/documents/documentType",
        15,
        lambda theirs, ours: theirs in (None, "purchaseRequest") and ours not in (None, "purchaseRequest"),
        8,
        "types that the codelist has, where it has one: bases are bidding documents, and so on",
    ),
    Difference(
        "tender/documents/url",
        24,
        lambda theirs, ours: ours == theirs.replace("http://", "https://").replace("@", "%40"),
        26,
        "https, and @ escaped",
    ),
    Difference("tender/title", 1, lambda theirs, ours: ours == _clean(theirs), 9, "no markup, tabs or double spaces"),
    Difference("tender/documents/title", 3, lambda theirs, ours: ours == _clean(theirs), 9, "no double spaces"),
    Difference(
        "tender/documents/documentTypeDetails", 3, lambda theirs, ours: ours == _clean(theirs), 9, "no double spaces"
    ),
    Difference("tender/items/attributes/value", 1, lambda theirs, ours: ours == _clean(theirs), 9, "no spaces around"),
    Difference(
        "tender/items/quantity",
        1,
        lambda theirs, ours: ours == theirs["parsedValue"] == float(theirs["source"]),
        0,
        "issue, Validation: every release is valid OCDS, where a quantity is a number and not an object",
    ),
    Difference(
        "tender/documents[order]",
        2,
        lambda theirs, ours: sorted(theirs) == sorted(ours),
        0,
        "source contract: documents have no order of their own; issue: same input, same bytes: by date, then id",
    ),
)
# The envelope of a release from the API, beside that of our packages.
ENVELOPE = (
    Difference("publisher/uid", 1, lambda theirs, ours: theirs.endswith("29813743"), 12, "the NOG is no publisher"),
    Difference(
        "publisher/scheme", 1, lambda theirs, ours: ours is None, 12, "a register without a number says nothing"
    ),
    Difference(
        "extensions",
        1,
        lambda theirs, ours: all(url.startswith("https://ocds.guatecompras.gt/extensions/") for url in ours),
        11,
        "our own valid definitions, at addresses that are ours",
    ),
)


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """What differs: path, theirs, ours. Objects in arrays are matched by their ids; numbers differ by value."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            yield from differences(theirs.get(key), ours.get(key), f"{path}/{key}".strip("/"))
    elif _identified(theirs) and _identified(ours):
        left, right = ({item["id"]: item for item in items} for items in (theirs, ours))
        assert (len(left), len(right)) == (len(theirs), len(ours)), path
        if left.keys() == right.keys() and list(left) != list(right):
            yield f"{path}[order]", list(left), list(right)
        for name in sorted(left.keys() | right.keys()):
            yield from differences(left.get(name), right.get(name), path)
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        yield path, theirs, ours


def _identified(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "id" in item for item in value)


def judged(found: list[tuple[str, Any, Any]], listed: tuple[Difference, ...]) -> tuple[list[Any], Counter[str]]:
    """The differences that are not listed, or are not what the list says; and how often each listed one was found."""
    by_path = {item.path: item for item in listed}
    wrong = [item for item in found if item[0] not in by_path or not by_path[item[0]].holds(*item[1:])]
    return wrong, Counter(path for path, *_ in found)


def official(nog: str) -> Json:
    package: Json = orjson.loads((FOLDER / f"{nog}.json").read_bytes())
    return package


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[str, cohort.Cohort]:
    source = OcdsSource.from_uri(f"ocds:{FOLDER}")
    found = {}
    for nog, name in NOGS.items():
        folder = tmp_path_factory.mktemp(name)
        with source.open(Month.parse(name)) as reading:
            taken = snapshot.take(reading, Month.parse(name), folder / "source")
        found[nog] = cohort.build(taken, folder / "ocds", Settings())
    return found


def test_both_are_published_and_nothing_is_rejected(months: dict[str, cohort.Cohort]) -> None:
    for made in months.values():
        assert made.counts == {"concursos": 1, "releases": 1, "records": 1, "rejected": 0, "corrections": 0}
        assert made.rejects.is_empty()


def test_our_releases_differ_from_the_official_ones_only_as_listed(months: dict[str, cohort.Cohort]) -> None:
    found = []
    for nog, made in months.items():
        (theirs,) = official(nog)["releases"]
        (ours,) = (orjson.loads(line) for line in read_lines(made.releases))
        assert ours["id"] == theirs["id"]
        found += list(differences(theirs, ours))
    wrong, counts = judged(found, DIFFERENCES)
    assert wrong == []
    # Nor is anything listed that is no difference any more.
    assert counts == {item.path: item.count for item in DIFFERENCES}
    assert all(item.pain or item.reason.startswith(("issue", "source contract")) for item in DIFFERENCES)


def test_our_records_are_the_releases_compiled(months: dict[str, cohort.Cohort]) -> None:
    for made in months.values():
        (release,) = (orjson.loads(line) for line in read_lines(made.releases))
        (record,) = (orjson.loads(line) for line in read_lines(made.records))
        assert record == release | {"id": f"{release['ocid']}-{release['date']}", "tag": ["compiled"]}


def test_ours_keep_the_profile_where_the_official_one_does_not(months: dict[str, cohort.Cohort]) -> None:
    validator = Validator("release")
    assert [validator.errors(line) for made in months.values() for line in read_lines(made.releases)] == [[], []]
    theirs = validator.errors(orjson.dumps(official("30714915")["releases"][0]))
    assert "tender/items/0/quantity" in {fault.path for fault in theirs}


def test_our_envelope_differs_from_the_official_one_only_as_listed() -> None:
    theirs = official("29813743")
    ours = package_head(theirs["uri"], theirs["publishedDate"], Settings())
    found = list(differences({key: value for key, value in theirs.items() if key != "releases"}, ours))
    wrong, counts = judged(found, ENVELOPE)
    assert wrong == []
    assert counts == {item.path: item.count for item in ENVELOPE}


def test_every_difference_would_be_found() -> None:
    (theirs,) = official("29813743")["releases"]
    for path, change in (
        ("tender/numberOfTenderers", {"numberOfTenderers": 1}),
        ("tender/status", {"status": "complete"}),
        ("tender/items", {"items": []}),
        ("tender/nuevo", {"nuevo": "x"}),
    ):
        ours = theirs | {"tender": theirs["tender"] | change}
        assert [item[0] for item in differences(theirs, ours)] == [path]
    assert list(differences(theirs, theirs)) == []
    assert list(differences({"a": [{"id": 1, "b": 1.0}]}, {"a": [{"id": 1, "b": 1}]})) == []
