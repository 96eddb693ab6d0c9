"""One month end to end through real Dagster: what is materialized, what it says, what stops it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from assets.quality import ACCEPT_TAG, quality_report
from guatecompras.stores import LocalStore
from guatecompras.verification import verify_publication
from tests.pipelines.conftest import MONTHS, REJECTED, SIZE, RunMonth


def _change(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def _index(store: Path) -> dict:  # type: ignore[type-arg]
    return json.loads((store / "publication" / "index.json").read_bytes())


def _failure(result: dg.ExecuteInProcessResult) -> str:
    event = next(event for event in result.all_events if event.is_step_failure)
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    return data.description or ""


def test_a_month_is_published_with_all_its_metadata(run_month: RunMonth, database: Path, store: Path) -> None:
    result = run_month(database)
    assert result.success
    entry = _index(store)["months"][MONTHS[0]]
    counts = entry["counts"]
    assert counts["concursos"] == counts["records"] + counts["rejected"] == SIZE
    assert verify_publication(_index(store), LocalStore(store).version_folder).faults == ()

    made = {event.asset_key: event.materialization for event in result.all_events if event.is_step_materialization}
    assert len(made) == 10 + 3 + 12 + 1 + 4 + 3
    for key, materialization in made.items():
        metadata = materialization.metadata
        assert materialization.partition == MONTHS[0]
        if key.path == ["publication", "month"]:
            assert metadata["version"].value == entry["version"]
            continue
        assert {"path", "bytes", "sha256", "seconds", "dagster/row_count", "dagster/uri"} <= set(metadata), key
        assert Path(str(metadata["path"].value)).stat().st_size == metadata["bytes"].value
    assert made[dg.AssetKey(["tables", "records"])].metadata["dagster/row_count"].value == SIZE
    assert "ocid" in str(made[dg.AssetKey(["tables", "records"])].metadata["preview"].value)
    changes = made[dg.AssetKey(["publication", "changes"])].metadata
    assert changes["added"].value == changes["dagster/row_count"].value == counts["records"]

    report = made[dg.AssetKey(["quality", "report"])].metadata
    assert 90 < float(str(report["score"].value)) <= 100
    assert report["failing checks"].value == "none"
    assert f"| {MONTHS[0]} | {report['score'].value} | ██" in str(report["trend"].value)
    assert Path(str(report["page"].value)).read_text("utf-8").startswith("<!doctype html>")

    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks} == {spec.name for spec in quality_report.check_specs}
    assert all(check.passed for check in checks)
    assert sum(check.metadata["checks"].value for check in checks if "checks" in check.metadata) > 60  # type: ignore[misc]


def test_a_rerun_on_an_unchanged_source_changes_nothing(run_month: RunMonth, database: Path, store: Path) -> None:
    assert run_month(database).success
    public = store / "publication"
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in public.rglob("*") if path.is_file()}
    again = run_month(database)
    assert again.success
    assert {
        path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in public.rglob("*") if path.is_file()
    } == before
    reused = [
        event.materialization.metadata["reused"].value
        for event in again.all_events
        if event.is_step_materialization and event.asset_key.path != ["publication", "month"]
    ]
    assert all(reused)


def test_an_edit_without_an_event_gives_a_new_version_keeps_the_old_one_and_shows_in_the_run(
    run_month: RunMonth, database: Path, store: Path
) -> None:
    assert run_month(database).success
    first = _index(store)["months"][MONTHS[0]]
    _change(
        database,
        "UPDATE concursos SET descripcion = 'OTRO TITULO', fecha_actualizacion = '2026-09-01 10:00:00'"
        " WHERE nog = (SELECT min(nog) FROM concursos)",
    )
    result = run_month(database)
    assert result.success
    (told,) = [
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path == ["ocds", "releases"]
    ]
    assert told["corrections"].value == 1
    assert "OTRO TITULO" in str(told["edits without an event"].value)
    second = _index(store)["months"][MONTHS[0]]
    assert second["version"] > first["version"]
    assert [old["version"] for old in second["versions"]] == [first["version"]]
    assert verify_publication(_index(store), LocalStore(store).version_folder).versions == 2


def test_too_many_rejected_records_fail_the_check_and_block_the_month(
    run_month: RunMonth, database: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _change(database, *REJECTED)
    result = run_month(database)
    assert not result.success
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [check.check_name for check in failed] == ["schema"]
    assert "buyer" in str(failed[0].metadata["examples"].value)
    assert Path(str(failed[0].metadata["all failures"].value)).read_text("utf-8").startswith("nog,path,value")
    assert not (store / "publication").exists()
    assert not any(event.is_step_start and event.step_key == "publication_month" for event in result.all_events)

    # The same month, and only its publication asked for: the gate stands there too.
    selection = [dg.AssetKey(["publication", "month"])]
    rules = tmp_path / "rules.toml"
    rules.write_text('[schema]\nseverity = "block"\nmax_share = 0.5\n', encoding="utf-8")
    monkeypatch.setenv("GUATECOMPRAS_QUALITY_RULES", str(rules))
    tolerated = run_month(database)
    assert tolerated.success
    assert _index(store)["months"][MONTHS[0]]["counts"]["rejected"] == 1
    monkeypatch.delenv("GUATECOMPRAS_QUALITY_RULES")
    judged = run_month(database, selection=selection)
    assert not judged.success
    assert "schema" in _failure(judged)


def test_a_month_that_fails_is_published_when_an_operator_says_why_in_that_run_only(
    run_month: RunMonth, database: Path, store: Path
) -> None:
    _change(database, *REJECTED)
    refused = run_month(database)
    assert not refused.success
    assert "--accept CHECK --why TEXT" in _failure(refused)
    # What stops a month is reported all the same.
    made = {event.asset_key: event.materialization for event in refused.all_events if event.is_step_materialization}
    assert "| schema | block | 1 | 60 |" in str(
        made[dg.AssetKey(["quality", "report"])].metadata["failing checks"].value
    )

    tags = {ACCEPT_TAG: json.dumps({"schema": "la entidad lo corrige en junio"})}
    published = run_month(database, tags=tags)
    assert published.success
    (failed,) = [check for check in published.get_asset_check_evaluations() if not check.passed]
    assert (failed.check_name, failed.severity) == ("schema", dg.AssetCheckSeverity.WARN)
    assert failed.metadata["accepted"].value == "la entidad lo corrige en junio"
    entry = _index(store)["months"][MONTHS[0]]
    folder = LocalStore(store).version_folder(MONTHS[0], entry["version"])
    for name in ("manifest.json", "quality.json"):
        assert json.loads((folder / name).read_bytes())["accepted"] == {"schema": "la entidad lo corrige en junio"}
    assert "la entidad lo corrige en junio" in (folder / "quality.html").read_text("utf-8")

    # It held for that run: publishing alone, without it, is refused.
    again = run_month(database, selection=[dg.AssetKey(["publication", "month"])])
    assert not again.success
    assert "schema" in _failure(again)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ('{"nothing": "x"}', "there is no check 'nothing' to accept"),
        ('{"coverage": "x"}', "check 'coverage' blocks nothing"),
        ('{"schema": " "}', "say why 'schema' is accepted"),
        ("schema", "overrides are a JSON object"),
    ],
)
def test_an_override_that_makes_no_sense_stops_the_run_in_one_line(
    run_month: RunMonth, database: Path, told: str, reason: str
) -> None:
    result = run_month(database, tags={ACCEPT_TAG: told})
    assert not result.success
    assert reason in _failure(result)


def test_parts_of_a_month_can_be_materialized_again(run_month: RunMonth, database: Path, store: Path) -> None:
    assert run_month(database).success
    assert run_month(database, selection=[dg.AssetKey(["downloads", "excel"])]).success
    assert run_month(database, selection=[dg.AssetKey(["publication", "month"])]).success


def test_a_part_without_its_month_says_what_to_do(run_month: RunMonth, database: Path) -> None:
    result = run_month(database, selection=[dg.AssetKey(["downloads", "excel"])])
    assert not result.success
    assert "materialize the whole month" in _failure(result)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE eventos", "eventos"),
        ("ALTER TABLE concursos DROP COLUMN descripcion", "descripcion"),
        ("DELETE FROM concursos", "no concursos"),
    ],
)
def test_a_source_that_breaks_the_contract_stops_the_month_in_one_line_and_leaves_the_last_version(
    run_month: RunMonth, database: Path, store: Path, statement: str, words: str
) -> None:
    assert run_month(database).success
    before = (store / "publication" / "index.json").read_bytes()
    _change(database, statement)
    result = run_month(database)
    assert not result.success
    assert words in _failure(result)
    assert "\n" not in _failure(result)
    assert (store / "publication" / "index.json").read_bytes() == before


def test_missing_child_tables_count_as_empty(run_month: RunMonth, database: Path, store: Path) -> None:
    _change(database, *(f"DROP TABLE {name}" for name in ("caracteristicas", "documentos", "contratos")))
    result = run_month(database)
    assert result.success
    manifest = json.loads(next((store / "publication").rglob("manifest.json")).read_bytes())
    assert manifest["source"]["missing"] == ["caracteristicas", "contratos", "documentos"]
    assert manifest["counts"]["records"] == SIZE


def test_two_months_stand_side_by_side_and_the_index_job_reads_them_again(
    run_month: RunMonth, database: Path, store: Path, instance: dg.DagsterInstance
) -> None:
    from pipelines.definitions import build_definitions

    for month in MONTHS:
        assert run_month(database, month).success
    job = build_definitions(f"sqlite:///{database}", str(store)).resolve_job_def("index")
    read = job.execute_in_process(instance=instance)
    assert read.success
    (event,) = (event for event in read.all_events if event.is_step_materialization)
    lines = str(event.materialization.metadata["table"].value).splitlines()
    for month, entry in _index(store)["months"].items():
        report = LocalStore(store).version_folder(month, entry["version"]) / "quality.json"
        (line,) = (line for line in lines if line.startswith(f"| {month} |"))
        assert f"| {json.loads(report.read_bytes())['score']} | █" in line
    file = next((store / "publication").rglob("*_csv.zip"))
    file.write_bytes(file.read_bytes()[:-10])
    assert not job.execute_in_process(instance=instance, raise_on_error=False).success
