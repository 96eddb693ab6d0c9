"""The reports of a month, made once it is published: all formats, the same bytes, only where something changed."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest
from lxml import etree

from guatecompras.gathered.collect import Collected, bring
from guatecompras.gathered.verify import verify_collections
from guatecompras.reports import monthly, writing
from guatecompras.reports.registry import REPORTS
from guatecompras.stores import LocalStore
from tests.publications import published


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store", symlinks=True)
    return LocalStore(tmp_path / "store")


def _bring(store: LocalStore) -> list[Collected]:
    return bring(store, lambda parts: (monthly.plan(store, part) for part in parts))


def test_a_month_has_every_report_in_every_format(store: LocalStore) -> None:
    found = {one.name: one for one in _bring(store)}
    assert set(found) == {"reports/2026-01", "reports/2026-02"}
    assert all(one.made for one in found.values())
    folder = store.collection_folder(f"reports/2026-01/{found['reports/2026-01'].entry['version']}")
    for form in writing.MEDIA:
        with zipfile.ZipFile(folder / f"2026-01_reportes_{form}.zip") as archive:
            assert archive.testzip() is None
            names = [f"{report}.{form}" for report in REPORTS]
            assert [name for name in archive.namelist() if not name.endswith(".xsd")] == names
            if form == "xml":
                for report in REPORTS:
                    schema = etree.XMLSchema(etree.fromstring(archive.read(f"{report}.xsd")))
                    schema.assertValid(etree.parse(io.BytesIO(archive.read(f"{report}.xml"))))
    assert verify_collections(store.index(), store.collection_folder)[1] == []


def test_what_has_not_changed_stays_and_what_has_is_made_anew(store: LocalStore, tmp_path: Path) -> None:
    first = {one.name: one.entry["version"] for one in _bring(store)}
    assert not any(one.made for one in _bring(store))
    published(store, 4, "2026-02")
    again = {one.name: one for one in _bring(store)}
    assert not again["reports/2026-01"].made
    assert again["reports/2026-02"].made
    assert again["reports/2026-02"].entry["version"] != first["reports/2026-02"]


def test_the_same_month_gives_the_same_bytes(store: LocalStore, three_versions: Path, tmp_path: Path) -> None:
    shutil.copytree(three_versions, tmp_path / "other", symlinks=True)
    other = LocalStore(tmp_path / "other")
    one, two = (
        {file["path"]: file["sha256"] for found in _bring(place) for file in found.entry["files"]}
        for place in (store, other)
    )
    assert one == two
