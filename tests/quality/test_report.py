"""The report on a month as data: what it holds, how its scores come about, and when a stage makes it anew."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras import quality
from guatecompras.month import DOWNLOADS, QUALITY_JSON, QUALITY_PAGE, MonthWork
from guatecompras.months import Month
from guatecompras.ocds.mapping import fields
from guatecompras.quality import CHECKS, Check, Finding, Outcome
from guatecompras.quality.check import EXAMPLES, FAILURES_SCHEMA
from guatecompras.quality.compared import Compared
from guatecompras.quality.report.document import document
from guatecompras.quality.rules import Rule
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoReading, DemoSource

VERSION, AS_OF = "20260401T000000-0123456789ab", "2026-04-01T00:00:00-06:00"
NOTHING = Compared({}, {}, None, {}, {}, ())

Json = dict[str, Any]


def _outcome(name: str, dimension: Any, failed: int, applicable: int, nog: int | None = 1, **rule: Any) -> Outcome:
    rows = [(nog, "some/path", f"value {number}") for number in range(failed)]
    failures = pl.DataFrame(rows, schema=FAILURES_SCHEMA, orient="row")
    check = Check(name, "1", "month", dimension, "tables/records", (), "Se cumple.", "It holds.", lambda _: _nothing())
    return Outcome(check, Rule(**({"severity": "warn"} | rule)), applicable, failed, failures)


def _nothing() -> Finding:
    return Finding(0, 0, pl.DataFrame(schema=FAILURES_SCHEMA))


def _document(month: quality.Month, *outcomes: Outcome, accepted: dict[str, str] | None = None) -> Json:
    told: Json = document(month, VERSION, AS_OF, outcomes, NOTHING, accepted or {})
    return told


def test_a_report_holds_what_it_promises(clean: quality.Month) -> None:
    told = _document(clean, *quality.run(clean))
    assert set(told) == {
        *("schema", "month", "version", "as_of", "score", "dimensions", "counts", "checks"),
        *("coverage", "withheld", "distributions", "accepted", "compared", "history"),
    }
    assert (told["month"], told["version"], told["as_of"]) == ("2026-01", VERSION, AS_OF)
    assert [check["id"] for check in told["checks"]] == [check.id for check in CHECKS]
    for told_check, check in zip(told["checks"], CHECKS, strict=True):
        assert told_check["meaning"] == check.meaning
        assert (told_check["level"], told_check["dimension"]) == (check.level, check.dimension)
        assert told_check["state"] in {"pass", "not_applicable"}
    titles = {field.path: field.title for field in fields()}
    assert told["coverage"].keys() <= titles.keys()
    for path, coverage in told["coverage"].items():
        assert coverage["title"] == titles[path]
        assert coverage["share"] == (coverage["present"] / coverage["possible"] if coverage["possible"] else None)
    assert 90 < told["score"] <= 100
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_scores_are_means_of_shares_that_anybody_can_reckon_again(clean: quality.Month) -> None:
    told = _document(
        clean,
        _outcome("a", "validez", 25, 100),
        _outcome("b", "validez", 0, 7),
        _outcome("c", "coherencia", 1, 2),
        _outcome("d", "legalidad", 0, 0),
    )
    assert told["dimensions"] == {
        "coherencia": {"score": 50.0, "applicable": 2, "failed": 1, "checks": 1, "failing": 1},
        "validez": {"score": 87.5, "applicable": 107, "failed": 25, "checks": 2, "failing": 1},
    }
    assert told["score"] == 68.7  # of 68.75: cut, not rounded
    assert _document(clean, _outcome("a", "validez", 1, 1_000_000))["score"] == 99.9


def test_a_month_that_nothing_applies_to_has_a_score_all_the_same(clean: quality.Month) -> None:
    told = _document(clean, _outcome("a", "validez", 0, 0))
    assert (told["score"], told["dimensions"]) == (0.0, {})


def test_examples_lead_to_the_page_of_their_nog(clean: quality.Month) -> None:
    told = _document(clean, _outcome("a", "validez", 9, 10, nog=30255902), _outcome("b", "validez", 1, 10, nog=None))
    first, second = told["checks"]
    assert (first["failures"], len(first["examples"])) == (9, EXAMPLES)
    assert first["examples"][0] == {
        "nog": 30255902,
        "path": "some/path",
        "value": "value 0",
        "url": "https://www.guatecompras.gt/concursos/consultaConcurso.aspx?nog=30255902&o=5",
    }
    assert second["examples"][0]["url"] is None


def test_an_override_is_told_where_it_was_needed(clean: quality.Month) -> None:
    outcomes = (_outcome("a", "validez", 1, 2, severity="block"), _outcome("b", "validez", 0, 2, severity="block"))
    told = _document(clean, *outcomes, accepted={"b": "por si acaso", "a": "se sabe"})
    assert told["accepted"] == {"a": "se sabe"}


# The stage.

MONTHS = ("2026-01", "2026-02")


class _Retitled(DemoSource):
    """The demo source after somebody wrote another title for every concurso of a month."""

    @contextmanager
    def open(self, month: Month) -> Iterator[DemoReading]:
        with super().open(month) as reading:
            batches = reading.batches

            def retitled(table: str) -> Iterator[pl.DataFrame]:
                for frame in batches(table):
                    yield frame.with_columns(descripcion=pl.lit("OTRO")) if table == "concursos" else frame

            reading.batches = retitled  # type: ignore[method-assign]
            yield reading


def _built(store: LocalStore, month: str, source: DemoSource | None = None) -> MonthWork:
    work, _ = MonthWork.extract(store, source or DemoSource(size=40, seed=1), Month.parse(month), Settings())
    work.ocds()
    work.tables()
    return work


def _published(store: LocalStore, month: str, source: DemoSource | None = None) -> MonthWork:
    work = _built(store, month, source)
    work.report()
    work.downloads(DOWNLOADS)
    work.publish()
    return work


def _told(work: MonthWork) -> Json:
    told: Json = json.loads(work.report().path(QUALITY_JSON).read_bytes())
    return told


def test_the_same_month_gives_the_same_report_byte_by_byte(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        stage = _built(LocalStore(tmp_path / name), MONTHS[0]).report()
        texts.append([stage.path(file).read_bytes() for file in (QUALITY_JSON, QUALITY_PAGE)])
    assert texts[0] == texts[1]
    assert str(tmp_path).encode() not in b"".join(texts[0])


def test_a_report_is_kept_until_what_it_is_compared_with_is_another(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    work = _built(store, MONTHS[1])
    assert not work.report().reused
    assert work.report().reused
    assert _told(work)["history"] == {}

    first = _published(store, MONTHS[0])
    assert not work.report().reused
    assert work.report().reused
    told = _told(work)
    assert list(told["history"]) == [MONTHS[0]]
    assert told["compared"]["history"] == {MONTHS[0]: first.version}
    assert told["history"][MONTHS[0]]["score"] == _told(first)["score"]

    second = _published(store, MONTHS[0], _Retitled(size=40, seed=1))
    assert second.version != first.version
    assert _told(work)["compared"]["history"] == {MONTHS[0]: second.version}
    # An override is another report, too.
    assert not work.report({"schema": "se sabe"}).reused
    assert not work.report().reused


def test_the_report_of_a_public_version_stays_as_it_was_published(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    work = _published(store, MONTHS[1])
    before = _told(work)
    _published(store, MONTHS[0])
    again = MonthWork(store, MONTHS[1], work.version, Settings())
    assert again.report().reused
    assert _told(again) == before
    assert json.loads((store.version_folder(MONTHS[1], work.version) / QUALITY_JSON).read_bytes()) == before


def test_all_failures_of_a_check_are_in_a_file(tmp_path: Path) -> None:
    work = _built(LocalStore(tmp_path), MONTHS[0])
    judged = work.report().data["judged"]
    assert [told["id"] for told in judged] == [check.id for check in CHECKS]
    for told in judged:
        assert bool(told["failures_file"]) == bool(told["failures"])
        if told["failures_file"]:
            frame = pl.read_csv(work.folder / told["failures_file"], infer_schema=False)
            assert (frame.columns, frame.height) == (list(FAILURES_SCHEMA), told["failures"])


@pytest.mark.parametrize("severity", ["warn", "note"])
def test_what_does_not_block_is_judged_once_and_told_by_the_manifest(tmp_path: Path, severity: str) -> None:
    rules = f'[segmentation]\nseverity = "{severity}"\n'
    store = LocalStore(tmp_path)
    work, _ = MonthWork.extract(
        store, DemoSource(size=40, seed=1), Month.parse(MONTHS[0]), replace(Settings(), quality_rules=rules)
    )
    work.ocds()
    work.tables()
    work.report()
    work.downloads(DOWNLOADS)
    # What the report says, not another look at the files.
    note = work.folder / "stage-report.json"
    kept = json.loads(note.read_bytes())
    next(told for told in kept["data"]["judged"] if told["id"] == "segmentation")["note"] = "as the report said"
    note.write_text(json.dumps(kept))
    work.publish()
    manifest = json.loads((store.version_folder(MONTHS[0], work.version) / "manifest.json").read_bytes())
    told = {check["id"]: check for check in manifest["checks"]}
    assert (told["segmentation"]["note"], told["segmentation"]["severity"]) == ("as the report said", severity)
