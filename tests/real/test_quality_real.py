"""Checks of single values on a real municipality's 28 months and on public lists: what is wrong there is found, nothing else is."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from guatecompras import catalogs, nit, quality
from guatecompras.ocds import profile
from guatecompras.quality import fields
from tests.real.conftest import SHARED, Built, built

pytestmark = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared data are not here")


def _outcomes(months: Iterable[Built]) -> list[quality.Outcome]:
    """What every check of single values says of every month."""
    return [check.evaluate(month.judged) for month in months for check in fields.CHECKS]


@pytest.fixture(scope="module")
def outcomes(antigua: list[Built]) -> list[quality.Outcome]:
    return _outcomes(antigua)


def test_values_are_right(outcomes: list[quality.Outcome]) -> None:
    failing = Counter(outcome.check.id for outcome in outcomes if outcome.failed)
    assert failing == {"coverage": 28}
    judged = Counter[str]()
    for outcome in outcomes:
        judged[outcome.check.id] += outcome.applicable
    assert judged["nit_check_digit"] == 312
    assert judged["currency_known"] == 312
    assert judged["clean_text"] > 5_000
    assert {check for check, number in judged.items() if not number} == {
        "unspsc_code",
        "unspsc_segment",
        "document_type",
        "document_format",
        "document_url",
        "language_code",
        "email_format",
        "telephone_format",
    }


def test_what_the_source_lacks_is_said_every_month(outcomes: list[quality.Outcome]) -> None:
    rare = [outcome.failures["path"].to_list() for outcome in outcomes if outcome.check.id == "coverage"]
    always = set.intersection(*map(set, rare))
    assert {"tender/items", "tender/documents", "parties/contactPoint", "tender/submissionMethod"} <= always
    assert "tender/title" not in set().union(*rare)


def test_two_processes_of_the_official_api(tmp_path: Path) -> None:
    """All that is wrong in them is wrong in Guatecompras: numbers of seven digits, and kinds of documents without a code."""
    uri = f"ocds:{SHARED / 'data' / 'releases'}"
    found = _outcomes([*built(uri, "2026-04", tmp_path), *built(uri, "2026-06", tmp_path)])
    failures = defaultdict(list)
    for outcome in found:
        if outcome.failed:
            failures[outcome.check.id] += outcome.failures["value"].to_list()
    assert failures.keys() == {"document_type", "telephone_format"}
    assert failures["telephone_format"] == ["2280157-2280163", "2282431-39"]
    assert len(failures["document_type"]) == 6


def test_suppliers_nits() -> None:
    numbers = pl.read_csv(SHARED / "data" / "antigua" / "partes.csv", infer_schema=False)
    numbers = numbers.filter(pl.col("esquema") == "GT-NIT").unique("identificador")
    assert numbers.height == 149
    assert numbers.select(nit.is_valid(pl.col("identificador"))).to_series().all()


def test_families_in_use_are_of_segments_that_there_are() -> None:
    lines = (SHARED / "data" / "reference" / "unspsc_families.jsonl").read_text("utf-8").splitlines()
    used = {json.loads(line)["code"][:2] for line in lines}
    known = set(catalogs.table("unspsc_segmentos")["code"])
    assert len(lines) == 420
    # Two segments are of later versions of the classification, or bought by nobody.
    assert known - used == {"57", "64"}
    assert used <= known
    # As the rules of who has the list would give it.
    listed = ", ".join(f'"{json.loads(line)["code"]}"' for line in lines)
    rules = quality.rules.load(
        f'[unspsc_segment]\nseverity = "warn"\n\n[unspsc_segment.parameters]\nfamilies = [{listed}]\n'
    )
    assert len(rules["unspsc_segment"].parameters["families"]) == 420  # type: ignore[arg-type]


def test_codes_beside_the_official_open_codelists() -> None:
    """What lib-cove-ocds would report as additional: Guatecompras' request for a purchase, which the standard has no code for."""
    own = {}
    for name, codes in profile.open_codes().items():
        path = SHARED / "data" / "standard" / "codelists" / f"{name}.csv"
        if path.is_file():
            official = {row["Code"] for row in csv.DictReader(path.open(encoding="utf-8", newline=""))}
            own[name] = codes - official
    assert own.pop("documentType") == {"purchaseRequest"}
    assert own.keys() == {"extendedProcurementCategory", "itemClassificationScheme", "partyRole", "submissionMethod"}
    assert not any(own.values())
