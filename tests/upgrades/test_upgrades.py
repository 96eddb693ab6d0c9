"""A publication that an earlier version of the code wrote is read, verified, served, continued and gone back in by this one."""

import json
import shutil
import sqlite3
import tarfile
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from guatecompras import personal, publication
from guatecompras.changes import feed
from guatecompras.errors import StoreError
from guatecompras.formats.archive import read_lines
from guatecompras.formats.counting import digest
from guatecompras.gathered.collect import collect
from guatecompras.gathered.verify import verify_collections
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.publication import MANIFEST, SCHEMA, SCHEMAS, read_index, versions_of
from guatecompras.rollback import roll_back
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from guatecompras.verification import verify_publication
from guatecompras.withdrawal import withdraw
from portal.app import create_app
from portal.settings import Settings as PortalSettings
from resources.sources.sql import SqlSource
from tests.portal.conftest import Api, Client

PUBLICATIONS = Path(__file__).parent / "publications"
# Each archive and the schema it is of.
KEPT = {"first": 1, "chained": 2}
MONTHS = ("2026-01", "2026-02")
# The month with two versions from then, and a concurso of it.
MONTH, NOG = MONTHS[0], 30000000

PAGES = (
    "/",
    "/explorar",
    f"/concurso/{NOG}",
    "/descarga-datos",
    f"/descarga-datos/{MONTH}",
    "/calidad",
    "/politica",
    "/politica/diccionario.csv",
    "/reportes/proveedores-por-monto",
    "/auditoria",
    "/alertas",
    "/mercado",
    "/oportunidades",
    f"/release/searchNog/{NOG}",
    f"/record/ocds-xqjsxa-{NOG}",
    "/files",
    "/file/json/2026/01",
    "/api/v2/concursos",
    "/api/v2/cambios",
    "/api/v2/meses",
    "/publication/index.json",
)


@dataclass(frozen=True)
class Place:
    """A store with a publication of an earlier version of the code, and its source."""

    store: LocalStore
    source: Path

    def copied(self, folder: Path) -> "Place":
        shutil.copytree(self.store.root, folder / "store", symlinks=True)
        shutil.copy(self.source, folder / "source.sqlite")
        return Place(LocalStore(folder / "store"), folder / "source.sqlite")

    def edit(self, words: str, day: str) -> None:
        """An edit of a title in the source, without an event."""
        with sqlite3.connect(self.source) as source:
            source.execute(
                "UPDATE concursos SET descripcion = ?, fecha_actualizacion = ? WHERE nog = ?",
                (words, f"{day} 08:00:00", NOG),
            )
        source.close()

    def publish(self, month: str) -> publication.Json:
        source = SqlSource.from_uri(f"sqlite:///{self.source}")
        work, _ = MonthWork.extract(self.store, source, Month.parse(month), Settings())
        work.ocds()
        work.changes()
        work.tables()
        work.report()
        work.downloads(DOWNLOADS)
        return work.publish()

    def faults(self) -> tuple[str, ...]:
        index = self.store.index()
        return (
            *verify_publication(index, self.store.version_folder).faults,
            *verify_collections(index, self.store.collection_folder)[1],
        )

    def manifest(self, entry: publication.Json) -> publication.Json:
        return json.loads((self.store.root / "publication" / entry["manifest"]["path"]).read_bytes())

    def releases(self, entry: publication.Json) -> dict[str, bytes]:
        folder = self.store.version_folder(MONTH, entry["version"])
        return {orjson.loads(line)["id"]: line for line in read_lines(folder / f"{MONTH}_releases.jsonl.gz")}


def _unpacked(name: str, folder: Path) -> Place:
    with tarfile.open(PUBLICATIONS / f"{name}.tar.xz") as archive:
        archive.extractall(folder / "store")  # Debian's Python 3.11.2 knows no `filter` yet; the archive is our own
    (folder / "store" / "source.sqlite").rename(folder / "source.sqlite")
    return Place(LocalStore(folder / "store"), folder / "source.sqlite")


@pytest.fixture(scope="module", params=KEPT)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """As it was left. Not to be changed."""
    return _unpacked(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def continued(kept: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same, published again by the code of today, the first month after an edit. Not to be changed."""
    place = kept.copied(tmp_path_factory.mktemp("continued"))
    place.edit("Compra de papel, corregida", "2026-06-01")
    for month in MONTHS:
        place.publish(month)
    return place


def _api(place: Place, folder: Path) -> Api:
    told = {"base_url": "https://datos.example.gt", "requests_per_minute": 10**9, "burst": 10**6}
    settings = PortalSettings(store=str(place.store.root), cache=str(folder / "cache"), **told)
    return Api(Client(create_app(settings, log=lambda _: None)))


def test_every_schema_is_kept_but_the_newest() -> None:
    assert sorted(KEPT.values()) == [number for number in SCHEMAS if number < SCHEMA]
    assert {path.name for path in PUBLICATIONS.glob("*.tar.xz")} == {f"{name}.tar.xz" for name in KEPT}


def test_it_is_what_its_code_wrote(kept: Place, request: pytest.FixtureRequest) -> None:
    written = json.loads((kept.store.root / "publication" / "index.json").read_bytes())
    assert written["schema"] == KEPT[request.node.callspec.params["kept"]]
    assert len(written["months"][MONTH]["versions"]) == 1


def test_it_is_read_and_verified(kept: Place) -> None:
    index = kept.store.index()
    assert index["schema"] == SCHEMA
    assert [entry["sequence"] for entry in versions_of(index, MONTH)] == [3, 1]
    assert kept.faults() == ()


def test_what_was_altered_since_is_found(kept: Place, tmp_path: Path) -> None:
    place = kept.copied(tmp_path)
    path = next((place.store.root / "publication" / "months" / MONTH).glob("*/tables/awards.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert any("awards.parquet" in fault for fault in place.faults())


def test_the_portal_serves_it(kept: Place, tmp_path: Path) -> None:
    api = _api(kept, tmp_path)
    assert {page: api.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, 200)


def test_the_portal_serves_what_was_continued(continued: Place, tmp_path: Path) -> None:
    api = _api(continued, tmp_path)
    assert {page: api.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, 200)
    earlier = versions_of(continued.store.index(), MONTH)[1]["version"]
    address = f"/publication/months/{MONTH}/{earlier}/{MONTH}_records.jsonl.gz"
    assert api.get(address).status_code == 200


def test_a_month_without_a_report_says_when_it_gets_one(kept: Place, tmp_path: Path) -> None:
    answer = _api(kept, tmp_path).get(f"/calidad/{MONTH}")
    reported = any(file["path"].endswith("quality.json") for file in kept.store.index()["months"][MONTH]["files"])
    assert answer.status_code == (200 if reported else 404)
    assert reported or "cuando se publique de nuevo" in answer.text


def test_it_is_continued(kept: Place, continued: Place) -> None:
    assert continued.faults() == ()
    before, after = (versions_of(place.store.index(), MONTH) for place in (kept, continued))
    assert [entry["version"] for entry in after[1:]] == [entry["version"] for entry in before]
    manifest = continued.manifest(after[0])
    assert manifest["schema"] == SCHEMA
    assert manifest["previous"] == {
        "version": before[0]["version"],
        "sha256": digest(kept.store.version_folder(MONTH, before[0]["version"]) / MANIFEST)[0],
    }


def test_files_of_then_stay_as_they_were(kept: Place, continued: Place) -> None:
    months = [place.store.root / "publication" / "months" for place in (kept, continued)]
    for path in (path for path in months[0].rglob("*") if path.is_file()):
        assert digest(path) == digest(months[1] / path.relative_to(months[0]))


def test_published_releases_stay_but_for_what_may_not_be_public(kept: Place, continued: Place) -> None:
    before, after = (place.releases(place.store.index()["months"][MONTH]) for place in (kept, continued))
    assert before.keys() < after.keys()
    allowed = dict(zip(before, personal.load().cleaned(before.values()), strict=True))
    assert {name: after[name] for name in before} == allowed
    assert allowed != before


def test_the_edit_is_told_as_one_and_what_is_withheld_by_its_cause(continued: Place) -> None:
    entry = continued.store.index()["months"][MONTH]
    rows = [
        row
        for row in feed.page(continued.store, limit=10_000).rows
        if row["sequence"] == entry["sequence"] and row["change"] == "changed"
    ]
    title = next(row for row in rows if row["path"] == "tender/title")
    assert (title["nog"], title["cause"], title["after"]) == (NOG, "silent", '"Compra de papel, corregida"')
    withheld = [row for row in rows if personal.WITHHELD in (row["before"] or "")]
    assert withheld
    assert {row["cause"] for row in withheld} == {"publisher"}


def test_the_feed_goes_over_the_border(continued: Place) -> None:
    page = feed.page(continued.store, limit=10_000)
    assert page.up_to_date
    assert [*dict.fromkeys(row["sequence"] for row in page.rows)] == [1, 2, 3, 4, 5]
    small, rows = feed.page(continued.store, limit=7), []
    while True:
        rows += small.rows
        if small.up_to_date:
            break
        small = feed.page(continued.store, small.cursor, limit=7)
    assert rows == page.rows


def test_it_cannot_go_back_to_personal_data(continued: Place) -> None:
    then = versions_of(continued.store.index(), MONTH)[1]["version"]
    with pytest.raises(StoreError, match="personal data that may not be published any more"):
        roll_back(continued.store, MONTH, then, "mistake", Settings())


def test_all_that_is_made_of_months_is_made_and_versions_of_then_are_withdrawn(
    kept: Place, continued: Place, tmp_path: Path
) -> None:
    place = continued.copied(tmp_path)
    collect(place.store)
    then = {(month, entry["version"]) for month in MONTHS for entry in versions_of(kept.store.index(), month)}
    done = withdraw(place.store, Settings())
    assert set(done.versions) == then
    assert done.waiting == ()
    assert place.faults() == ()
    folder = place.store.root / "publication" / "months"
    assert {path.name for month, version in then for path in (folder / month / version).iterdir()} == {MANIFEST}
    # A new reader still gets to what is public now.
    rows = feed.page(place.store, limit=10_000).rows
    assert {row["nog"] for row in rows if row["change"] == "added"} == {row["nog"] for row in rows}
    assert withdraw(place.store, Settings()).versions == ()
    now = versions_of(place.store.index(), MONTH)[0]["version"]
    place.edit("Compra de papel", "2026-06-02")
    place.publish(MONTH)
    roll_back(place.store, MONTH, now, "the edit was wrong", Settings())
    assert place.faults() == ()
    assert place.releases(place.store.index()["months"][MONTH]).keys() == place.releases({"version": now}).keys()


def test_what_is_current_is_not_withdrawn(kept: Place, tmp_path: Path) -> None:
    place = kept.copied(tmp_path)
    done = withdraw(place.store, Settings())
    assert done.waiting == MONTHS
    assert len(done.versions) == 1
    assert place.faults() == ()


def test_what_a_newer_version_wrote_says_to_upgrade(continued: Place, tmp_path: Path) -> None:
    place = continued.copied(tmp_path)
    path = place.store.root / "publication" / "index.json"
    newer = json.loads(path.read_bytes()) | {"schema": SCHEMA + 1}
    path.write_text(json.dumps(newer))
    with pytest.raises(StoreError, match=f"newer version of this software .schema {SCHEMA + 1}.* upgrade"):
        place.store.index()
    with pytest.raises(ValueError, match="is None, not one of"):
        read_index(b"[]")


def test_a_manifest_of_a_newer_version_says_to_upgrade(continued: Place, tmp_path: Path) -> None:
    entry = continued.store.index()["months"][MONTH]
    (tmp_path / MANIFEST).write_text(json.dumps(continued.manifest(entry) | {"schema": SCHEMA + 1}))
    with pytest.raises(StoreError, match="newer version of this software"):
        publication.placed(tmp_path)
