"""Values of natural persons are planted in a source; a month is published and gathered by the command, through Dagster; then every
byte of everything that was written, and what the portal answers, is searched for them."""

import gzip
import io
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from portal.app import create_app
from portal.settings import Settings as PortalSettings
from resources.sources.demo import demo_chunks
from resources.sources.sql import SqlSource, write_tables
from tests.portal.conftest import Api, Client

PROJECT = Path(__file__).parents[2]
MONTH = "2026-01"
NAME, STREET, MEMBER, CUI = "Zulmira Plantada", "Callejón Plantado 99-77", "99887766", "2345 67890 0101"
# What of whom must not be public, and by which rule.
PLANTED = {
    "persona_correo": ("correo.plantado@persona.example", "otro.plantado@persona.example"),
    "persona_telefono": ("5544-332277", "5544-332288", "5544-332299"),
    "persona_contacto": (NAME, "Otilio Plantado"),
    "persona_direccion": (STREET,),
    "junta": (MEMBER,),
    "cui": (CUI, "2345678900102"),
}
EVERYTHING = tuple(value for values in PLANTED.values() for value in values)
# What a source cannot say of anybody, and is left out: it stands in the rejects when it may.
REJECTED = "roto.plantado@persona.example"
# What is public of anybody.
PUBLIC = ("compras.plantadas@entidad.example", "ventas.plantadas@empresa.example")


@dataclass(frozen=True)
class Published:
    """What was published of the planted source; `person`: the supplier's party id; `nog`: of a concurso that it won."""

    store: Path
    home: Path
    told: str
    nog: int
    person: str

    @property
    def public(self) -> Path:
        return self.store / "publication"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    path = tmp_path_factory.mktemp("planted") / "source.sqlite"
    write_tables(f"sqlite:///{path}", demo_chunks(Month.parse(MONTH), 1, 60, 1))
    others = [{"nombre": "Otilio Plantado", "correo": PLANTED["persona_correo"][1], "telefono": "5544-332299"}]
    with sqlite3.connect(path) as rows:
        nog, person = rows.execute(
            "SELECT p.nog, identificador FROM partes p JOIN adjudicaciones a ON a.nog = p.nog "
            "AND a.proveedor = esquema || '-' || identificador WHERE tipo_persona = 'INDIVIDUAL' ORDER BY p.nog"
        ).fetchone()
        rows.execute(
            "UPDATE partes SET contacto_correo = ?, contacto_telefono = ?, contacto_fax = ?, contacto_nombre = ?, "
            "direccion = ?, contactos_adicionales = ? WHERE identificador = ?",
            (
                *PLANTED["persona_correo"][:1],
                *PLANTED["persona_telefono"][:2],
                NAME,
                STREET,
                json.dumps(others),
                person,
            ),
        )
        rows.execute(
            "UPDATE partes SET contactos_adicionales = ? WHERE nog <> ? AND rowid = (SELECT max(rowid) FROM partes "
            "WHERE tipo_persona = 'INDIVIDUAL' AND identificador <> ?)",
            (f'[{{"correo": "{REJECTED}"', nog, person),
        )
        rows.execute("UPDATE partes SET contacto_correo = ? WHERE esquema = 'GT-CISP'", PUBLIC[:1])
        rows.execute("UPDATE partes SET contacto_correo = ? WHERE tipo_persona = 'SOCIEDAD ANÓNIMA'", PUBLIC[1:])
        rows.execute(
            "INSERT INTO partes (nog, esquema, identificador, nombre, contacto_correo) VALUES (?, 'GT-NIT', ?, ?, ?)",
            (nog, MEMBER, "JURADA,PLANTADA,,MIEMBRO", PLANTED["persona_correo"][0]),
        )
        rows.execute("UPDATE concursos SET descripcion = descripcion || ? WHERE nog = ?", (f" DPI {CUI}.", nog))
        rows.execute(
            "UPDATE renglones SET descripcion = descripcion || ' de ' || ? WHERE nog = ?", (PLANTED["cui"][1], nog)
        )
    rows.close()
    return path, nog, f"GT-NIT-{person}"


def _published(source: tuple[Path, int, str], folder: Path, rules: str) -> Published:
    (folder / "home").mkdir()
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    store = folder / "store"
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "DAGSTER_HOME": str(folder / "home"),
        "GUATECOMPRAS_PERSONAL_DATA": str(folder / "rules.toml"),
        # All of it is searched, as an operator may rank people too.
        "GUATECOMPRAS_RANK_PEOPLE": "yes",
    }
    told = ""
    for order in (["publish", MONTH, "--source", f"sqlite:///{source[0]}"], ["collect"]):
        command = [sys.executable, "-m", "pipelines.cli", *order, "--store", str(store)]
        done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        told += done.stdout + done.stderr
    return Published(store, folder / "home", told, *source[1:])


@pytest.fixture(scope="module")
def published(source: tuple[Path, int, str], tmp_path_factory: pytest.TempPathFactory) -> Published:
    """By the rules as they are."""
    return _published(source, tmp_path_factory.mktemp("withheld"), "")


@pytest.fixture(scope="module")
def opened(source: tuple[Path, int, str], tmp_path_factory: pytest.TempPathFactory) -> Published:
    """By rules that let everything be published."""
    rules = "".join(f"[{rule}]\npublish = true\n" for rule in PLANTED)
    return _published(source, tmp_path_factory.mktemp("opened"), rules)


# Looking.


def _texts(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """What a file says, whatever it is packed in."""
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for member in packed.namelist():
                yield from _texts(f"{name}!{member}", packed.read(member))
    elif content[:2] == b"\x1f\x8b":
        yield from _texts(f"{name}!", gzip.decompress(content))
    elif content[:4] == b"PAR1":
        yield name, pl.read_parquet(io.BytesIO(content)).write_json()
    elif content[:6] == b"ARROW1":
        frame = pl.read_ipc(io.BytesIO(content))
        # What is kept as bytes is text or marks of it.
        yield name, frame.select(pl.exclude(pl.Binary)).write_json()
        for column in frame.select(pl.col(pl.Binary)):
            yield f"{name}:{column.name}", b"\n".join(value or b"" for value in column).decode("utf-8", "replace")
    elif content[:15] == b"SQLite format 3":
        held = sqlite3.connect(":memory:")
        # As a database that keeps no log beside it, which this one has no place for; the log is a file that is read too.
        held.deserialize(content[:18] + b"\x01\x01" + content[20:])
        yield name, "\n".join(held.iterdump())
        held.close()
    else:
        yield name, content.decode("utf-8", "replace")


def _found(place: Path, values: tuple[str, ...]) -> dict[str, list[str]]:
    """Each value, and in which files below a folder it is; as JSON writes it, too."""
    found: dict[str, list[str]] = {}
    for path in sorted(place.rglob("*")):
        if path.is_file() and not path.is_symlink():
            for name, text in _texts(path.relative_to(place).as_posix(), path.read_bytes()):
                for value in values:
                    if value in text or json.dumps(value)[1:-1] in text:
                        found.setdefault(value, []).append(name)
    return found


def _answers(published: Published, folder: Path) -> Iterator[tuple[str, str]]:
    """What the portal says of the concurso and its supplier, and in whole lists."""
    told = {"base_url": "https://datos.example.gt", "requests_per_minute": 10**9, "burst": 10**6, "rank_people": True}
    settings = PortalSettings(store=str(published.store), cache=str(folder / "cache"), **told)
    api = Api(Client(create_app(settings, log=lambda _: None)))
    for address in (
        "/",
        "/explorar",
        f"/concurso/{published.nog}",
        f"/proveedor/{published.person}",
        f"/release/searchNog/{published.nog}",
        f"/record/ocds-xqjsxa-{published.nog}",
        f"/api/v2/concursos/{published.nog}",
        "/api/v2/concursos?formato=jsonl",
        "/api/v2/concursos?formato=csv",
        "/api/v2/cambios?limit=10000",
        "/api/v2/proveedores",
        f"/api/v2/proveedores/{published.person}",
        "/api/v2/alertas",
        "/reportes/proveedores-por-monto.csv",
        f"/reportes/proveedores-por-monto.xlsx?filter=anio={MONTH[:4]}",
        "/calidad",
        f"/calidad/{MONTH}",
        "/alertas",
        "/auditoria",
        "/mercado",
        "/politica",
    ):
        answer = api.get(address)
        assert answer.status_code < 500, address
        yield from _texts(address, answer.content)


def test_a_month_made_by_its_stages_has_nothing_of_it(source: tuple[Path, int, str], tmp_path: Path) -> None:
    """The quick form of all that follows: a month, without Dagster and what is gathered."""
    store = LocalStore(tmp_path / "store")
    work, _ = MonthWork.extract(store, SqlSource.from_uri(f"sqlite:///{source[0]}"), Month.parse(MONTH), Settings())
    work.ocds()
    work.tables()
    work.downloads(DOWNLOADS)
    work.publish()
    assert _found(store.root, (*EVERYTHING, REJECTED)) == {}
    assert _found(store.root, PUBLIC).keys() == {*PUBLIC}


@pytest.mark.slow
def test_nothing_that_was_written_has_what_is_withheld(published: Published) -> None:
    assert _found(published.store, (*EVERYTHING, REJECTED)) == {}


@pytest.mark.slow
def test_what_is_public_of_anybody_is_there(published: Published) -> None:
    found = _found(published.public, (*PUBLIC, published.person.removeprefix("GT-NIT-")))
    assert len(found) == len(PUBLIC) + 1
    assert any("quality" not in name and "csv" in name for name in found[PUBLIC[0]])


@pytest.mark.slow
def test_nor_has_what_dagster_keeps(published: Published) -> None:
    assert _found(published.home, (*EVERYTHING, REJECTED)) == {}
    # The home is no empty place: the previews of the month's documents are in it.
    assert _found(published.home, ("ocds-xqjsxa-",))
    assert not [value for value in (*EVERYTHING, REJECTED) if value in published.told]


@pytest.mark.slow
def test_nor_does_the_portal_answer_it(published: Published, tmp_path: Path) -> None:
    for address, text in _answers(published, tmp_path):
        assert [value for value in (*EVERYTHING, REJECTED) if value in text] == [], address


@pytest.mark.slow
def test_what_an_operator_lets_be_public_is_there(opened: Published, tmp_path: Path) -> None:
    found = _found(opened.public, (*EVERYTHING, REJECTED))
    assert found.keys() == {*EVERYTHING, REJECTED}
    assert found[MEMBER] == found[REJECTED] == [name for name in found[MEMBER] if "rechazos" in name]
    said = " ".join(text for _, text in _answers(opened, tmp_path))
    assert PLANTED["persona_correo"][0] in said


@pytest.mark.slow
def test_the_rejects_say_that_there_was_somebody(published: Published) -> None:
    path = next(published.public.glob(f"months/{MONTH}/*/{MONTH}_rechazos.parquet"))
    rejects = pl.read_parquet(path).filter(pl.col("tabla") == "partes")
    assert set(rejects["valor"]) == {"[dato personal]"}
    assert rejects.filter(pl.col("nivel") == "fila")["clave"].to_list() == [
        f"nog={published.nog} esquema=GT-NIT identificador=[dato personal]"
    ]
