"""The catalog: DCAT 3 that other programs read, true of the index, and never ahead of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyld import jsonld
from rdflib import DCAT, DCTERMS, FOAF, RDF, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from guatecompras import dcat
from guatecompras.month import MonthWork
from guatecompras.publication import empty_index, versions_of
from guatecompras.settings import LICENSE, Settings
from guatecompras.stores import LocalStore
from tests.publications import MONTH, built
from tests.replaced import LOSSES_ALLOWED

DCAT3 = Namespace(str(DCAT))  # with what version 3 added
SPDX = Namespace("http://spdx.org/rdf/terms#")
BASE = "https://datos.example.gt"
HOME = f"{BASE}/publication/catalog.jsonld"
CONFIG = Settings(base_url=f"{BASE}/")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def index(three_versions: Path) -> Json:
    found = LocalStore(three_versions).index()
    file = {
        "path": "years/2026/v1/2026_records.jsonl.gz",
        "format": "jsonl.gz",
        "bytes": 5,
        "sha256": "a" * 64,
        "rows": 2,
    }
    year = {"version": "v1", "published": "2026-09-01T00:00:00-06:00", "sequence": 5, "counts": {}, "files": [file]}
    whole = [file | {"path": f"history/v1/{name}"} for name in ("records/month=2026-01/data.parquet", "manifest.json")]
    return found | {"collections": {"years/2026": year, "history": year | {"files": whole}}}


@pytest.fixture(scope="module")
def document(index: Json) -> Json:
    read: Json = json.loads(dcat.as_bytes(index, CONFIG))
    return read


# What rdflib's own readers say of themselves.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


@pytest.fixture(scope="module")
def graph(document: Json) -> Graph:
    return Graph().parse(data=json.dumps(document), format="json-ld")


def _one(graph: Graph, subject: Node, predicate: URIRef) -> Node:
    (found,) = graph.objects(subject, predicate)
    return found


def _no_network(url: str, options: Json) -> Json:
    raise AssertionError(url)


def test_no_term_is_dropped_and_no_network_is_needed(document: Json, graph: Graph) -> None:
    """Every key that is written is there when it is expanded, and says an address."""
    (expanded,) = jsonld.expand(document, {"documentLoader": _no_network})

    def keys(node: Any) -> list[str]:
        if isinstance(node, list):
            return [key for one in node for key in keys(one)]
        if not isinstance(node, dict):
            return []
        own = [key for key in node if not key.startswith("@")]
        return own + [key for value in node.values() for key in keys(value)]

    written = [dcat.CONTEXT[key]["@id"] for key in keys({k: v for k, v in document.items() if k != "@context"})]
    prefixes = {
        name: value for name, value in dcat.CONTEXT.items() if isinstance(value, str) and value.startswith("http")
    }
    full = sorted(f"{prefixes[term.partition(':')[0]]}{term.partition(':')[2]}" for term in written)
    assert sorted(keys(expanded)) == full
    # Both readers see the same triples.
    quads = jsonld.to_rdf(document, {"documentLoader": _no_network, "format": "application/n-quads"})
    assert len(Graph().parse(data=quads, format="nquads")) == len(graph)
    # Nothing is relative, and all terms are of vocabularies that are known.
    assert all(str(node).startswith(("http://", "https://")) for node in graph.all_nodes() if isinstance(node, URIRef))
    known = (str(DCAT), str(DCTERMS), str(FOAF), str(SPDX), str(RDF))
    assert all(str(predicate).startswith(known) for predicate in graph.predicates())


def test_terms_are_those_of_the_vocabularies(graph: Graph) -> None:
    """rdflib's namespaces are made from the vocabularies themselves; DCAT 3's additions are named here."""
    added = {"DatasetSeries", "first", "inSeries", "last", "prev", "previousVersion", "version"}
    for predicate in set(graph.predicates()):
        for namespace in (DCAT, DCTERMS, FOAF):
            if str(predicate).startswith(str(namespace)):
                name = str(predicate).removeprefix(str(namespace))
                assert predicate in namespace or name in added, predicate


def test_the_catalog_says_who_what_and_when(graph: Graph, index: Json) -> None:
    catalog, series = URIRef(f"{HOME}#catalogo"), URIRef(f"{HOME}#meses")
    assert _one(graph, catalog, RDF.type) == DCAT.Catalog
    assert _one(graph, catalog, DCAT3.version) == Literal(str(index["sequence"]))
    assert _one(graph, catalog, DCTERMS.license) == URIRef(LICENSE)
    assert _one(graph, catalog, DCTERMS.title).language == "es"  # type: ignore[attr-defined]
    assert _one(graph, catalog, FOAF.homepage) == URIRef(CONFIG.base_url)
    publisher = _one(graph, catalog, DCTERMS.publisher)
    assert (_one(graph, publisher, RDF.type), _one(graph, publisher, FOAF.name)) == (
        FOAF.Agent,
        Literal(CONFIG.publisher_name),
    )
    assert set(graph.objects(catalog, DCAT.dataset)) == {
        series,
        *(URIRef(f"{HOME}#{name}") for name in (MONTH, "2026-02", "years/2026", "history")),
    }
    assert _one(graph, series, RDF.type) == DCAT3.DatasetSeries
    assert _one(graph, series, DCTERMS.accrualPeriodicity) == URIRef("http://purl.org/cld/freq/monthly")
    assert (_one(graph, series, DCAT3.first), _one(graph, series, DCAT3.last)) == (
        URIRef(f"{HOME}#{MONTH}"),
        URIRef(f"{HOME}#2026-02"),
    )
    period = _one(graph, series, DCTERMS.temporal)
    assert _one(graph, period, DCAT.startDate) == Literal("2026-01-01", datatype=XSD.date)
    assert _one(graph, period, DCAT.endDate) == Literal("2026-02-28", datatype=XSD.date)


def test_a_month_is_a_dataset_of_the_series(graph: Graph, index: Json) -> None:
    dataset = URIRef(f"{HOME}#{MONTH}")
    current, before, oldest = versions_of(index, MONTH)
    assert _one(graph, dataset, RDF.type) == DCAT.Dataset
    assert _one(graph, dataset, DCTERMS.title) == Literal("Contrataciones públicas de Guatemala: enero de 2026", "es")
    assert _one(graph, dataset, DCTERMS.identifier) == Literal(MONTH)
    assert _one(graph, dataset, DCTERMS.issued) == Literal(oldest["published"], datatype=XSD.dateTime)
    assert _one(graph, dataset, DCTERMS.modified) == Literal(current["published"], datatype=XSD.dateTime)
    assert _one(graph, dataset, DCAT3.version) == Literal(current["version"])
    earlier = URIRef(f"{BASE}/publication/{before['manifest']['path']}")
    assert _one(graph, dataset, DCAT3.previousVersion) == earlier
    assert _one(graph, dataset, DCAT3.inSeries) == URIRef(f"{HOME}#meses")
    assert list(graph.objects(dataset, DCAT3.prev)) == []
    assert _one(graph, URIRef(f"{HOME}#2026-02"), DCAT3.prev) == dataset
    assert _one(graph, dataset, DCTERMS.spatial) == URIRef(
        "http://publications.europa.eu/resource/authority/country/GTM"
    )
    assert _one(graph, dataset, DCTERMS.language) == URIRef("http://id.loc.gov/vocabulary/iso639-1/es")


def test_every_file_is_a_distribution_with_its_digest(graph: Graph, index: Json, three_versions: Path) -> None:
    files = index["months"][MONTH]["files"]
    found = set(graph.objects(URIRef(f"{HOME}#{MONTH}"), DCAT.distribution))
    assert len(found) == len(files)
    titles = []
    for file in files:
        node = URIRef(f"{HOME}#{file['path']}")
        assert node in found
        assert _one(graph, node, RDF.type) == DCAT.Distribution
        address = URIRef(f"{BASE}/publication/{file['path']}")
        assert (_one(graph, node, DCAT.downloadURL), _one(graph, node, DCAT.accessURL)) == (address, address)
        assert _one(graph, node, DCAT.byteSize) == Literal(str(file["bytes"]), datatype=XSD.nonNegativeInteger)
        checksum = _one(graph, node, SPDX.checksum)
        assert _one(graph, checksum, SPDX.algorithm) == SPDX.checksumAlgorithm_sha256
        assert _one(graph, checksum, SPDX.checksumValue) == Literal(file["sha256"], datatype=XSD.hexBinary)
        media = str(_one(graph, node, DCAT.mediaType))
        assert media.startswith("https://www.iana.org/assignments/media-types/")
        assert "octet-stream" not in media, file["path"]
        zipped = [*graph.objects(node, DCAT.compressFormat), *graph.objects(node, DCAT.packageFormat)]
        assert [str(one).rpartition("/")[2] for one in zipped] == (
            ["zip"] if file["path"].endswith(".zip") else ["gzip"] if file["path"].endswith(".gz") else []
        )
        titles.append(str(_one(graph, node, DCTERMS.title)))
    assert len(set(titles)) == len(titles)
    assert "Tabla bids (Parquet)" in titles


def test_collections_are_datasets_too(graph: Graph) -> None:
    (year,) = graph.objects(URIRef(f"{HOME}#years/2026"), DCAT.distribution)
    assert str(year).endswith("#years/2026/v1/2026_records.jsonl.gz")
    assert _one(graph, _one(graph, URIRef(f"{HOME}#years/2026"), DCTERMS.temporal), DCAT.endDate) == Literal(
        "2026-12-31", datatype=XSD.date
    )
    (history,) = graph.objects(URIRef(f"{HOME}#history"), DCAT.distribution)
    assert str(history).endswith("#history/v1/manifest.json")


def test_an_empty_publication_has_a_catalog() -> None:
    graph = Graph().parse(data=dcat.as_bytes(empty_index(), CONFIG), format="json-ld")
    assert set(graph.objects(URIRef(f"{HOME}#catalogo"), DCAT.dataset)) == {URIRef(f"{HOME}#meses")}


def test_the_same_index_gives_the_same_bytes(index: Json) -> None:
    assert dcat.as_bytes(json.loads(json.dumps(index)), CONFIG) == dcat.as_bytes(index, CONFIG)
    assert dcat.as_bytes(index, replace(CONFIG, publisher_name="Otro")) != dcat.as_bytes(index, CONFIG)


# How it is published.


def _catalog(store: LocalStore) -> bytes:
    return (store.root / "publication" / dcat.FILE).read_bytes()


def test_it_is_written_with_every_switch_and_mended_after_a_run_that_died(
    three_versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(three_versions, tmp_path / "store")
    store = LocalStore(tmp_path / "store")
    before = _catalog(store)
    assert before == dcat.as_bytes(store.index(), LOSSES_ALLOWED)
    work = built(store, 4)
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "derive", lambda *_: 1 / 0)  # the run dies here
        with pytest.raises(ZeroDivisionError):
            work.publish()
    # It is behind, but what it names is there.
    assert _catalog(store) == before
    graph = Graph().parse(data=before, format="json-ld")
    base = f"{LOSSES_ALLOWED.base_url}/publication/"
    for address in graph.objects(None, DCAT.downloadURL):
        assert (store.root / "publication" / str(address).removeprefix(base)).is_file()
    MonthWork(store, MONTH, work.version, LOSSES_ALLOWED).publish()
    assert _catalog(store) == dcat.as_bytes(store.index(), LOSSES_ALLOWED) != before


def test_it_is_not_written_where_nothing_changed(three_versions: Path, tmp_path: Path) -> None:
    shutil.copytree(three_versions, tmp_path / "store")
    store = LocalStore(tmp_path / "store")
    path = store.root / "publication" / dcat.FILE
    before = path.stat().st_mtime_ns, path.stat().st_ino
    store.derive(dcat.FILE, lambda index: dcat.as_bytes(index, LOSSES_ALLOWED))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
