"""The pages as they are sent: what they say, that they keep to the policy on content, and that their links lead somewhere."""

import csv
import gzip
import hashlib
import html
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import feedparser
import orjson
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from guatecompras.publication import index_text
from portal.library import Query
from portal.pages import home
from portal.pages.process import csv_text, shown
from portal.pages.site import environment
from portal.pages.story import steps
from tests.portal.pages.conftest import BASE, made

MONTH = "2026-01"


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []
        self.data: list[str] = []
        self.labelled: set[str] = set()
        self.fields: set[str] = set()
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags[tag] += 1
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found.get("href")))
        if tag == "label" and "for" in found:
            self.labelled.add(str(found["for"]))
        if tag in {"input", "select"} and found.get("type") not in {"hidden", "checkbox"}:
            self.fields.add(str(found.get("id")))
        self._script = tag == "script" and found.get("type") == "application/ld+json"
        if tag == "style" or (tag == "script" and not self._script):
            self.wrong.append(tag)
        self.wrong += [f"{tag} {name}" for name in found if name == "style" or name.startswith("on")]
        self.wrong += [
            f"{tag} {value}" for name, value in attrs if name == "href" and (value or "").startswith("javascript")
        ]

    def handle_data(self, data: str) -> None:
        if self._script:
            self.data.append(data)
            self._script = False


def addresses(nogs: list[int]) -> list[str]:
    return [
        "/", "/descarga-datos", f"/descarga-datos/{MONTH}", "/explorar", "/explorar?q=compra&estatus=3",
        "/explorar?comprador=municipalidad", "/explorar?monto_min=x", f"/concurso/{nogs[0]}", f"/concurso/{nogs[-1]}",
        "/concurso/99", "/nada",
    ]  # fmt: skip


def test_pages_are_whole_and_keep_to_the_policy(client: TestClient, nogs: list[int]) -> None:
    for address in addresses(nogs):
        answer = client.get(address)
        page = Page(answer.text)
        assert answer.headers["content-type"] == "text/html; charset=utf-8", address
        assert page.wrong == [], address
        assert (page.tags["h1"], page.tags["main"]) == (1, 1), address
        assert "<title></title>" not in answer.text, address
        assert [one for one, times in Counter(page.ids).items() if times > 1] == [], address
        assert page.fields <= page.labelled, address
        assert "None" not in re.sub(r"<script.*?</script>", "", answer.text), address


def test_links_lead_somewhere(client: TestClient, nogs: list[int]) -> None:
    """All that the pages link to within the site, and the fragments of what they link to."""
    seen: dict[str, tuple[int, set[str]]] = {}
    waiting = [(address, "") for address in addresses(nogs)[:4]]
    followed = 0
    broken = []
    while waiting:
        path, origin = waiting.pop()
        bare, _, fragment = path.partition("#")
        if bare not in seen:
            answer = client.get(bare)
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            page = Page(answer.text) if is_page else None
            seen[bare] = (answer.status_code, set(page.ids) if page else set())
            # Far enough to see each kind of page and of link, not every combination of filters.
            if page and followed < 40:
                followed += 1
                waiting += [(link, bare) for link in page.links if link.startswith("/")]
        status, ids = seen[bare]
        if status not in {200, 303} or (fragment and fragment not in ids):
            broken.append((path, origin, status))
    assert broken == []
    assert len(seen) > 150


def test_home_leads_to_the_three_doors_and_the_latest_excel(client: TestClient, portal: FastAPI) -> None:
    index = portal.state.publication.now().index
    excel = next(file for file in index["months"]["2026-02"]["files"] if file["format"] == "xlsx")
    links = Page(client.get("/").text).links
    assert {"/api-ocds", "/descarga-datos", "/politica", f"/publication/{excel['path']}"} <= set(links)


@pytest.mark.parametrize(
    ("text", "nog"),
    [("30501066", 30501066), (" NOG: 30501066 ", 30501066), ("30,501,066", 30501066), ("ocds-xqjsxa-30501066", 30501066),
     ("GT-NOG-30501066", 30501066), ("papel 500", None), ("1234", None), ("", None), ("305010661234567", None)],
)  # fmt: skip
def test_a_nog_is_known_however_it_is_written(text: str, nog: int | None) -> None:
    assert home.nog_of(text) == nog


def test_the_search_box_leads_to_the_concurso_or_to_explorar(client: TestClient) -> None:
    assert client.get("/buscar", params={"q": "NOG 30501066"}).headers["location"] == "/concurso/30501066"
    assert client.get("/buscar", params={"q": "papel bond"}).headers["location"] == "/explorar?q=papel+bond"
    assert client.get("/buscar").headers["location"] == "/explorar"


def test_downloads_name_every_format_with_its_digest(client: TestClient, portal: FastAPI) -> None:
    index = portal.state.publication.now().index
    text = re.sub(r"</?b>", "", client.get("/descarga-datos").text)
    month = re.sub(r"</?b>", "", client.get(f"/descarga-datos/{MONTH}").text)
    wanted = (
        "_Guatecompras.xlsx",
        "_csv.zip",
        "_Guatecompras.json.zip",
        "_records.jsonl.gz",
        "_releases.jsonl.gz",
        "_parquet.zip",
    )
    for entry in index["months"].values():
        for file in entry["files"]:
            if file["path"].endswith(wanted):
                assert f'href="/publication/{file["path"]}"' in text
                assert file["sha256"] in text
    for file in index["months"][MONTH]["files"]:
        assert (f'href="/publication/{file["path"]}"' in month) == (file["format"] != "search")


def test_a_month_tells_its_versions_and_what_each_changed(client: TestClient, portal: FastAPI) -> None:
    found = portal.state.publication.now()
    text = client.get(f"/descarga-datos/{MONTH}").text
    versions = [found.index["months"][MONTH], *found.index["months"][MONTH]["versions"]]
    assert len(versions) == 3
    for entry in versions[:-1]:
        rows = found.manifest(MONTH, entry["version"])["changes"]["rows"]
        assert entry["version"] in text
        assert f"{rows:,} cambios" in text
    assert "por primera vez" in text


def test_eighty_months_are_light(three_versions: Path, tmp_path: Path) -> None:
    """With a dozen versions each, as a publication of years has; digests do not compress."""
    index = orjson.loads((three_versions / "publication/index.json").read_bytes())
    entry = index["months"][MONTH]
    text = orjson.dumps(entry).decode()
    for number in range(80):
        month = f"{2020 + number // 12}-{number % 12 + 1:02d}"
        copy = orjson.loads(text.replace(MONTH, month))
        for place, file in enumerate(copy["files"]):
            file["sha256"] = _digest(month, place)
        copy["versions"] = [
            {**copy["versions"][0], "version": f"20260421T0100{at:02d}-{_digest(month, at)[:12]}"} for at in range(12)
        ]
        index["months"][month] = copy
    (tmp_path / "publication").mkdir()
    (tmp_path / "publication/index.json").write_bytes(index_text(index))
    answer = TestClient(made(tmp_path, tmp_path / "cache"), base_url=BASE).get("/descarga-datos")
    assert answer.text.count("Filas, SHA-256 y versiones") == 80
    assert len(gzip.compress(answer.content)) < 150_000


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def test_structured_data_names_what_is_published(client: TestClient, portal: FastAPI) -> None:
    index = portal.state.publication.now().index
    catalog = next(json.loads(text) for text in Page(client.get("/descarga-datos").text).data)
    assert catalog["@type"] == "DataCatalog"
    assert [one["url"] for one in catalog["dataset"]] == [
        f"{BASE}/descarga-datos/{month}" for month in ("2026-02", "2026-01")
    ]
    dataset = next(json.loads(text) for text in Page(client.get(f"/descarga-datos/{MONTH}").text).data)
    told = {one["contentUrl"]: one["sha256"] for one in dataset["distribution"]}
    listed = {f"{BASE}/publication/{file['path']}": file["sha256"] for file in index["months"][MONTH]["files"]}
    assert len(told) == 6
    assert told.items() <= listed.items()


def test_a_concurso_says_all_of_its_record(client: TestClient, portal: FastAPI, nogs: list[int]) -> None:
    library = portal.state.library()
    rich = max(nogs, key=lambda nog: len(library.record(nog)))
    compiled = orjson.loads(library.record(rich))["compiledRelease"]
    text = client.get(f"/concurso/{rich}").text
    tender = compiled["tender"]
    wanted = [tender["title"], tender["statusDetails"], compiled["buyer"]["name"], tender["procurementMethodDetails"]]
    wanted += [item["description"] for item in tender["items"]]
    wanted += [document["url"] for document in tender["documents"]]
    wanted += [one["name"] for award in compiled.get("awards", ()) for one in award["suppliers"]]
    wanted += [f"/release/{orjson.loads(release)['id']}" for release in library.releases(rich)]
    plain = _plain(text)
    assert [one for one in wanted if one not in plain] == []
    assert f"https://www.guatecompras.gt/concursos/consultaConcurso.aspx?nog={rich}&o=5" in plain


def _plain(text: str) -> str:
    return html.unescape(text)


def test_no_page_tells_how_to_reach_a_supplier(client: TestClient, portal: FastAPI, nogs: list[int]) -> None:
    """Suppliers may be persons; offices of the State may be reached."""
    library, told = portal.state.library(), 0
    for nog in nogs:
        parties = orjson.loads(library.record(nog))["compiledRelease"]["parties"]
        text = _plain(client.get(f"/concurso/{nog}").text)
        for party in parties:
            contact = party.get("contactPoint") or {}
            reach = [contact[name] for name in ("email", "telephone") if contact.get(name)]
            if {"supplier", "tenderer"} & set(party["roles"]):
                assert not any(one in text for one in reach), (nog, party["id"])
            elif contact.get("name") == party["name"]:
                told += sum(one in text for one in reach)
            else:
                assert contact.get("name") is None or contact["name"] not in text
    assert told


def test_a_concurso_as_json_and_csv(client: TestClient, portal: FastAPI, nogs: list[int]) -> None:
    record = portal.state.library().record(nogs[0])
    assert client.get(f"/concurso/{nogs[0]}.json").content == record
    answer = client.get(f"/concurso/{nogs[0]}.csv")
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    compiled = orjson.loads(record)["compiledRelease"]
    items = [row["valor"] for row in rows if row["campo"] == "tender/items/description"]
    assert items == [item["description"] for item in compiled["tender"]["items"]]
    assert [row["entrada"] for row in rows if row["campo"] == "tender/items/description"] == [
        str(at + 1) for at in range(len(items))
    ]
    assert {row["nombre"] for row in rows if row["campo"] == "buyer/name"} == {"Nombre de la entidad compradora"}
    assert sum(1 for row in rows if not row["nombre"]) == 0


def test_a_record_may_lack_anything() -> None:
    """What is required is little; what other publishers' tools leave out must not break the page."""
    sparse = {
        "ocid": "ocds-xqjsxa-1",
        "parties": [{}],
        "buyer": {"name": "Una entidad"},
        "tender": {
            "items": [{}, {"attributes": [{"name": "Color"}]}],
            "documents": [
                {},
                {"url": "javascript:alert(1)", "title": "Bases"},
                {"url": "https://a.example/1%40Acta.pdf"},
            ],
        },
        "bids": {"details": [{"tenderers": [{"name": "Sin código"}]}, {}]},
        "awards": [{"suppliers": [{}]}, {"status": "active", "value": {"amount": 5, "currency": "USD"}}],
        "contracts": [{"documents": [{"url": "file:///etc/passwd"}]}],
    }
    context = {"process": shown(1, sparse), "steps": steps([{"id": "R", "date": "2026-01-01T00:00:00-06:00"}])}
    base = {
        "path": "/",
        "canonical": BASE,
        "base_url": BASE,
        "as_of": None,
        "months": (),
        "license": "",
        "json_ld": (),
        "robots": "",
        "review": None,
    }
    text = environment().get_template("process.html.j2").render(base | context)
    page = Page(text)
    assert page.wrong == []
    assert "javascript:" not in text
    assert "file:///" not in text
    assert "US$5.00" in text
    assert "Acta.pdf" in text
    assert "None" not in text
    bare = (
        environment().get_template("process.html.j2").render(base | {"process": shown(1, {"ocid": "x"}), "steps": []})
    )
    assert "no informado" in bare


def test_a_csv_has_no_formulas() -> None:
    rows = list(
        csv.reader(
            io.StringIO(
                csv_text({"a": "=1+1", "b": [{"c": "\t@x"}, {"c": -5}], "d": True, "e": None}).decode("utf-8-sig")
            )
        )
    )
    assert rows[1:] == [
        ["a", "", "", "'=1+1"],
        ["b/c", "1", "", "'\t@x"],
        ["b/c", "2", "", "'-5"],
        ["d", "", "", "sí"],
        ["e", "", "", ""],
    ]


def test_what_is_not_there_is_said_plainly(client: TestClient) -> None:
    for address, status, words in (
        ("/concurso/99", 404, "El NOG 99 no está entre los publicados"),
        ("/concurso/abc", 404, "solo con cifras"),
        ("/concurso/99.json", 404, ""),
        ("/comprador/GT-CISP-0", 404, "Ningún comprador"),
        ("/proveedor/..%2f..", 404, ""),
        ("/descarga-datos/2031-01", 404, "no está publicado"),
        ("/explorar?estatus=abc", 400, "Estatus"),
        ("/explorar?cursor=xyz", 400, "Empiece por el principio"),
        ("/sitemap/2026-01-2.xml", 404, ""),
        ("/static/nada.css", 404, ""),
        ("/static/..%2fsettings.py", 404, ""),
    ):
        answer = client.get(address)
        assert answer.status_code == status, address
        assert words in answer.text, address
        assert "Traceback" not in answer.text


def test_what_people_write_is_shown_as_they_wrote_it(client: TestClient) -> None:
    nasty = '"><script>alert(1)</script>'
    for name in ("q", "comprador", "monto_min", "departamento", "unspsc", "cursor", "sort"):
        answer = client.get("/explorar", params={name: nasty})
        assert "<script>alert" not in answer.text
        assert Page(answer.text).wrong == []


def test_explorar_finds_what_the_library_finds(client: TestClient, portal: FastAPI) -> None:
    library = portal.state.library()
    row = library.search(_query(), limit=1).rows[0]
    word = max(re.findall(r"\w+", row.title), key=len)
    answer = client.get("/explorar", params={"q": word, "comprador": row.buyer_id})
    assert f'href="/concurso/{row.nog}"' in answer.text
    total = re.search(r'id="resultados">([\d,]+) concurso', answer.text)
    assert total
    assert int(total[1]) == library.count(_query(text=word, buyer=row.buyer_id))


def _query(**given: str) -> Query:
    return Query(**given)  # type: ignore[arg-type]


def test_explorar_can_be_read_to_its_end(client: TestClient, nogs: list[int]) -> None:
    found: list[int] = []
    address = "/explorar?sort=convocado"
    while address:
        page = client.get(address)
        found += [int(nog) for nog in re.findall(r'<h3><a href="/concurso/(\d+)"', page.text)]
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = _plain(following[1]).partition("#")[0] if following else ""
    assert sorted(found) == nogs


def test_names_of_buyers_are_proposed(client: TestClient, portal: FastAPI) -> None:
    totals = portal.state.library().totals("buyer")
    name = totals["name"][0]
    alone = client.get("/explorar", params={"comprador": name})
    assert alone.status_code == 200
    assert f"Comprador: {name}" in _plain(alone.text) or "¿Cuál?" in alone.text
    assert client.get("/explorar", params={"comprador": "xyzzy"}).status_code == 400


def test_downloads_of_a_result_are_the_same_result(client: TestClient) -> None:
    page = client.get("/explorar?estatus=3&sort=-monto")
    total = int(re.search(r'id="resultados">([\d,]+) concurso', page.text)[1].replace(",", ""))  # type: ignore[index]
    links = {link for link in map(_plain, Page(page.text).links) if link.startswith("/api/v2/concursos?")}
    assert len(links) == 3
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200
        assert int(answer.headers["x-total-count"]) == total


def test_buyers_and_suppliers_add_up(client: TestClient, portal: FastAPI) -> None:
    library = portal.state.library()
    for role, path in (("buyer", "comprador"), ("unit", "comprador"), ("supplier", "proveedor")):
        total = library.totals(role, sort="-amount").row(0, named=True)
        text = _plain(client.get(f"/{path}/{total['id']}").text)
        assert total["name"] in text
        assert f"<dd>{total['concursos']:,}</dd>" in text
        profile = library.profile(total["id"], role)
        assert profile is not None
        assert sum(one.amount for one in profile.months) == pytest.approx(total["amount"])
        named = {"buyer": "comprador", "unit": "unidad", "supplier": "proveedor"}[role]
        assert f'<a href="/{path}/{total["id"]}">' in client.get(f"/explorar?{named}={total['id']}").text
        for one in profile.counterparts[:15]:
            assert one.name in text


def test_the_feed_has_every_version(client: TestClient, portal: FastAPI) -> None:
    feed = feedparser.parse(client.get("/novedades.atom").content)
    assert not feed.bozo
    index = portal.state.publication.now().index
    published = sorted(
        (one["published"] for entry in index["months"].values() for one in (entry, *entry["versions"])), reverse=True
    )
    assert [entry.updated for entry in feed.entries] == published
    assert len({entry.id for entry in feed.entries}) == len(published)


def test_the_sitemap_has_every_page(client: TestClient, nogs: list[int]) -> None:
    spaces = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}

    def addresses_in(path: str) -> list[str]:
        root = ElementTree.fromstring(client.get(path).content)
        return [str(one.text) for one in root.iterfind(".//s:loc", spaces)]

    maps = addresses_in("/sitemap.xml")
    listed = [urlsplit(address).path for one in maps for address in addresses_in(urlsplit(one).path)]
    assert sorted(int(path.rpartition("/")[2]) for path in listed if path.startswith("/concurso/")) == nogs
    assert {"/", "/descarga-datos", f"/descarga-datos/{MONTH}"} <= set(listed)
    assert urljoin(BASE, "/sitemap.xml") in client.get("/robots.txt").text


def test_what_the_client_has_is_not_sent_again(client: TestClient, nogs: list[int]) -> None:
    for address in (
        *addresses(nogs)[:5],
        f"/concurso/{nogs[0]}.csv",
        "/novedades.atom",
        "/sitemap.xml",
        "/static/site.css",
    ):
        first = client.get(address)
        assert client.get(address, headers={"If-None-Match": first.headers["etag"]}).status_code == 304, address


def test_an_empty_publication_has_pages_too(tmp_path: Path) -> None:
    (tmp_path / "publication").mkdir()
    empty = TestClient(made(tmp_path, tmp_path / "cache"), base_url=BASE)
    for address in ("/", "/descarga-datos", "/explorar", "/novedades.atom", "/sitemap.xml"):
        assert empty.get(address).status_code == 200, address
