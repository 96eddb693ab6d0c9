"""Engines that could find concursos, on the same rows and the same questions: each in a process of its own, one question at a time.

`python -m benchmarks.portal.engines STORE FOLDER` makes what each needs and a table; answers are compared. Words are folded
alike for all (`guatecompras.search.words`), so that all search the same.
"""

import argparse
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, sentence

_RESULTS = Path(__file__).parents[1] / "results"
_PEERS = {"ours": (), "sqlite": (), "duckdb": (), "tantivy": ("tantivy==0.26.0", "polars==2.1.0", "pyarrow==26.0.1")}
_PAGE = 50
_ASKED = {"nog": 200, "filters": 100, "rare": 100, "common": 40, "facets": 20}
_COMMON = (
    "evento",
    "código",
    "compra",
    "servicio",
    "pedido",
    "abastecer",
    "municipal",
    "hospital",
    "adquisición",
    "dirección",
)
_SLOW = 300.0  # seconds after which a kind of question is left


# The rows that all engines but ours are made of.


def rows(store: Path) -> Iterator[Any]:
    """Months, each as a frame: nog, called, estatus, modalidad, buyer, title, words."""
    import polars as pl  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import ipc  # noqa: PLC0415

    index = json.loads((store / "publication" / "index.json").read_bytes())
    for month, entry in sorted(index["months"].items()):
        folder = store / "publication" / "months" / month / entry["version"] / "search"
        read = {
            name: pl.DataFrame(ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all())
            for name in ("concursos", "terms")
        }
        words = (
            read["terms"]
            .filter(pl.col("term").str.starts_with("w"))
            .explode("rows")
            .group_by("rows")
            .agg(words=pl.col("term").str.slice(1).str.join(" "))
        )
        told = read["concursos"].with_row_index("rows").with_columns(pl.col("rows").cast(pl.Int32))
        yield told.join(words, on="rows", how="left", maintain_order="left").select(
            "nog", "called", "estatus", "modalidad", pl.col("buyer").cast(pl.String), "title", "words"
        )


def questions(store: Path) -> dict[str, list[dict[str, Any]]]:
    """What is asked: of each kind some, always the same."""
    from guatecompras.search import words  # noqa: PLC0415

    draw = random.Random(1)  # noqa: S311 – no secret
    months = list(rows(store))
    common = Counter(word for text in months[-1]["words"].drop_nulls() for word in text.split())

    def one() -> dict[str, Any]:
        return draw.choice(months).row(draw.randrange(1000), named=True)

    def filters() -> dict[str, Any]:
        row, frame = one(), draw.choice(months)
        first = int(frame["called"].min())
        return {"from": first, "to": first + 31 * 86_400, "buyer": row["buyer"]}

    def asked(text: list[str]) -> dict[str, Any]:
        return {"text": " ".join(text), "words": [folded for word in text for folded in words.of(word)]}

    def rare() -> dict[str, Any]:
        found = [word for word in one()["title"].split() if all(common.get(part, 0) < 2_000 for part in words.of(word))]
        return asked(draw.sample(found, min(2, len(found))))

    # As they are written: what is kept of them may be shorter.
    most = [word for word in _COMMON if common.get(words.of(word)[0], 0) > len(months[-1]) / 100]
    return {
        "nog": [{"nog": one()["nog"]} for _ in range(_ASKED["nog"])],
        "filters": [filters() for _ in range(_ASKED["filters"])],
        "rare": [rare() for _ in range(_ASKED["rare"])],
        "common": [asked([draw.choice(most)]) | {"estatus": 3} for _ in range(_ASKED["common"])],
        "facets": [asked([draw.choice(most)]) for _ in range(_ASKED["facets"])],
    }


# Engines: each is made once in a folder, opened, and answers a question by how many there are and the newest of them.


class Ours:
    """The portal's library."""

    def make(self, store: Path, folder: Path) -> None:
        """The month's run made its files."""

    def open(self, store: Path, folder: Path) -> None:
        from portal.library import Library  # noqa: PLC0415
        from portal.publication import Publication  # noqa: PLC0415

        self.library = Library(Publication(str(store), folder).now(), folder, "https://ocds.example")
        self.library.warm()

    def size(self, store: Path, folder: Path) -> int:
        return sum(path.stat().st_size for path in store.glob("publication/months/*/*/search/*"))

    def ask(self, kind: str, asked: dict[str, Any]) -> Any:
        from datetime import UTC, datetime  # noqa: PLC0415

        from portal.library import Query, select  # noqa: PLC0415

        held, now = self.library.held, datetime.now(UTC)
        if kind == "nog":
            return held.row(asked["nog"]) is not None
        if kind == "facets":
            found = self.library.facets(Query(text=asked["text"]), ["modalidad"])["modalidad"]
            return sorted((int(one.value), one.concursos) for one in found)
        if kind == "filters":
            # The same seconds as the others are given: days would be others.
            found = select.rows(held, Query(buyer=asked["buyer"]), now)
            called = held.numbers["called"][found]
            found = found[(called >= asked["from"]) & (called < asked["to"])]
        else:
            estatus = (asked["estatus"],) if "estatus" in asked else ()
            found = select.rows(held, Query(text=asked["text"], estatus=estatus), now)
        newest = select.page(held, found, "called", None, _PAGE, down=True)
        return len(found), held.numbers["nog"][newest].tolist()


class Sqlite:
    """SQLite with FTS5, rows in order of call, so that the newest come without a sort."""

    def make(self, store: Path, folder: Path) -> None:
        with sqlite3.connect(folder / "index.sqlite") as base:
            base.executescript(
                "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                "CREATE TABLE c(id INTEGER PRIMARY KEY, nog, called, estatus, modalidad, buyer);"
                "CREATE VIRTUAL TABLE f USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii');"
            )
            place = 0
            for frame in rows(store):
                told = frame.rows()
                base.executemany(
                    "INSERT INTO c VALUES(?,?,?,?,?,?)",
                    ((place + n, *row[:-2]) for n, row in enumerate(told)),
                )
                base.executemany(
                    "INSERT INTO f(rowid, words) VALUES(?,?)", ((place + n, row[-1]) for n, row in enumerate(told))
                )
                place += len(told)
            base.executescript(
                "CREATE UNIQUE INDEX nogs ON c(nog); CREATE INDEX calls ON c(called, buyer, nog);"
                "CREATE INDEX buyers ON c(buyer, called, nog); INSERT INTO f(f) VALUES('optimize');"
            )

    def open(self, store: Path, folder: Path) -> None:
        self.base = sqlite3.connect(f"file:{folder / 'index.sqlite'}?mode=ro", uri=True)
        self.base.execute("PRAGMA mmap_size=8000000000")

    def size(self, store: Path, folder: Path) -> int:
        return (folder / "index.sqlite").stat().st_size

    def ask(self, kind: str, asked: dict[str, Any]) -> Any:
        many = self.base.execute
        if kind == "nog":
            return many("SELECT id FROM c WHERE nog=?", [asked["nog"]]).fetchone() is not None
        if kind == "filters":
            where, given = "buyer=? AND called>=? AND called<?", [asked["buyer"], asked["from"], asked["to"]]
            total = many(f"SELECT count(*) FROM c WHERE {where}", given).fetchone()[0]  # noqa: S608
            newest = many(f"SELECT nog FROM c WHERE {where} ORDER BY called DESC, nog DESC LIMIT 50", given)  # noqa: S608
            return total, [row[0] for row in newest]
        words = " ".join(f'"{word}"' for word in asked["words"])
        if kind == "facets":
            told = "SELECT modalidad, count(*) FROM f JOIN c ON c.id=f.rowid WHERE f MATCH ? GROUP BY 1 ORDER BY 1"
            return many(told, [words]).fetchall()
        extra = " AND estatus=?" if "estatus" in asked else ""
        given = [words, *([asked["estatus"]] if extra else [])]
        joined = f"FROM f JOIN c ON c.id=f.rowid WHERE f MATCH ?{extra}"
        total = many(f"SELECT count(*) {joined}", given).fetchone()[0]
        newest = many(f"SELECT nog {joined} ORDER BY f.rowid DESC LIMIT 50", given)
        return total, [row[0] for row in newest]


class Duckdb:
    """DuckDB over Parquet: the published columns, and the words of each row as one text."""

    def make(self, store: Path, folder: Path) -> None:
        for place, frame in enumerate(rows(store)):
            frame.write_parquet(folder / f"{place:03d}.parquet")

    def open(self, store: Path, folder: Path) -> None:
        import duckdb  # noqa: PLC0415

        self.base = duckdb.connect()
        self.base.execute("SET threads=2")
        self.base.execute(f"CREATE VIEW c AS SELECT * FROM '{folder}/*.parquet'")  # noqa: S608

    def size(self, store: Path, folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.glob("*.parquet"))

    def ask(self, kind: str, asked: dict[str, Any]) -> Any:
        def many(text: str, given: list[Any]) -> list[Any]:
            found: list[Any] = self.base.execute(text, given).fetchall()
            return found

        if kind == "nog":
            return bool(many("SELECT nog FROM c WHERE nog=?", [asked["nog"]]))
        if kind == "filters":
            where, given = "buyer=? AND called>=? AND called<?", [asked["buyer"], asked["from"], asked["to"]]
        else:
            where = " AND ".join(["contains(' ' || words || ' ', ?)"] * len(asked["words"]))
            given = [f" {word} " for word in asked["words"]]
            where, given = (
                (f"{where} AND estatus=?", [*given, asked["estatus"]]) if "estatus" in asked else (where, given)
            )
        if kind == "facets":
            return many(f"SELECT modalidad, count(*) FROM c WHERE {where} GROUP BY 1 ORDER BY 1", given)  # noqa: S608
        told = f"SELECT nog, count(*) OVER () FROM c WHERE {where} ORDER BY called DESC, nog DESC LIMIT 50"  # noqa: S608
        found = many(told, given)
        return (found[0][1] if found else 0), [row[0] for row in found]


class Tantivy:
    """Tantivy, by its Python binding."""

    def make(self, store: Path, folder: Path) -> None:
        import tantivy  # type: ignore[import-not-found]  # noqa: PLC0415

        schema = tantivy.SchemaBuilder()
        schema.add_text_field("words", tokenizer_name="whitespace", index_option="basic")
        schema.add_text_field("buyer", tokenizer_name="raw", index_option="basic")
        for name in ("nog", "called", "order", "estatus", "modalidad"):
            schema.add_integer_field(name, indexed=True, fast=True, stored=name == "nog")
        index = tantivy.Index(schema.build(), path=str(folder))
        writer, place = index.writer(heap_size=512_000_000, num_threads=2), 0
        for frame in rows(store):
            for nog, called, estatus, modalidad, buyer, _, words in frame.iter_rows():
                writer.add_document(
                    tantivy.Document(
                        nog=nog,
                        called=called,
                        order=place,
                        estatus=estatus,
                        modalidad=modalidad,
                        buyer=buyer,
                        words=words or "",
                    )
                )
                place += 1
        writer.commit()
        writer.wait_merging_threads()

    def open(self, store: Path, folder: Path) -> None:
        import tantivy  # noqa: PLC0415

        self.kit = tantivy
        self.index = tantivy.Index.open(str(folder))
        self.found = self.index.searcher()

    def size(self, store: Path, folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.iterdir())

    def ask(self, kind: str, asked: dict[str, Any]) -> Any:
        kit, schema = self.kit, self.index.schema
        must, query = kit.Occur.Must, kit.Query
        if kind == "nog":
            return self.found.search(query.term_query(schema, "nog", asked["nog"]), 1).count == 1
        parts = [(must, query.term_query(schema, "words", word)) for word in asked.get("words", ())]
        if kind == "filters":
            parts.append((must, query.term_query(schema, "buyer", asked["buyer"])))
            times = query.range_query(schema, "called", kit.FieldType.Integer, asked["from"], asked["to"], True, False)
            parts.append((must, times))
        if "estatus" in asked:
            parts.append((must, query.term_query(schema, "estatus", asked["estatus"])))
        whole = query.boolean_query(parts)
        if kind == "facets":
            told = self.found.aggregate(whole, {"by": {"terms": {"field": "modalidad", "size": 100}}})
            told = json.loads(told) if isinstance(told, str) else told
            return sorted([int(one["key"]), one["doc_count"]] for one in told["by"]["buckets"])
        answer = self.found.search(whole, _PAGE, count=True, order_by_field="order")
        return answer.count, [self.found.doc(place)["nog"][0] for _, place in answer.hits]


ENGINES: dict[str, Callable[[], Any]] = {"ours": Ours, "sqlite": Sqlite, "duckdb": Duckdb, "tantivy": Tantivy}


def measured(name: str, store: Path, folder: Path) -> dict[str, Any]:
    """One engine: made if it is not, opened, asked."""
    engine, home = ENGINES[name](), folder / name
    made = None
    if not home.exists():
        home.mkdir(parents=True)
        started = time.perf_counter()
        engine.make(store, home)
        made = time.perf_counter() - started
        (folder / f"{name}.seconds").write_text(str(made))
    asked = json.loads((folder / "questions.json").read_bytes())
    started = time.perf_counter()
    engine.open(store, home)
    opened = time.perf_counter() - started
    told: dict[str, Any] = {
        "made": float((folder / f"{name}.seconds").read_text()),
        "opened": opened,
        "kinds": {},
        "answers": {},
    }
    for kind, ones in asked.items():
        engine.ask(kind, ones[0])
        spent, answers = [], []
        for one in ones:
            started = time.perf_counter()
            answers.append(engine.ask(kind, one))
            spent.append(time.perf_counter() - started)
            if sum(spent) > _SLOW:
                break
        spent.sort()
        told["kinds"][kind] = [spent[len(spent) // 2] * 1e3, spent[min(len(spent) - 1, int(len(spent) * 0.95))] * 1e3]
        told["answers"][kind] = answers
    told["bytes"] = engine.size(store, home)
    told["resident"] = _resident()
    told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return told


def _resident() -> int:
    """Bytes of memory that are this process's own: mapped files can be let go of."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def _python(name: str, folder: Path) -> str:
    needed = _PEERS[name]
    if not needed:
        return sys.executable
    home = folder / f"venv-{name}"
    if not home.exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-q", *needed], check=True)  # noqa: S603
    return str(home / "bin" / "python")


_SAID = {
    "nog": "by NOG",
    "filters": "buyer and month",
    "rare": "two words",
    "common": "a common word and estatus",
    "facets": "a common word by modalidad",
}


def table(told: dict[str, Any], machine: dict[str, str], size: int) -> str:
    """The figures as Markdown."""
    heads = ["engine", "made, s", "MB", "opened, s", "own MB", *(_SAID[kind] for kind in _ASKED)]
    lines = [f"# Engines for the portal, {size:,} concursos", "", sentence(machine), ""]
    lines += [
        "Milliseconds of one question, median / 95th percentile; a page of 50, newest first, and the exact total.",
        "",
    ]
    lines += [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, one in told.items():
        cells = [
            name,
            f"{one['made']:.0f}",
            f"{one['bytes'] / 1e6:,.0f}",
            f"{one['opened']:.2f}",
            f"{one['resident'] / 1e6:,.0f}",
        ]
        cells += [f"{one['kinds'][kind][0]:.1f} / {one['kinds'][kind][1]:.1f}" for kind in _ASKED]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Make the questions, ask each engine, compare their answers, write the table."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("store", type=Path)
    read.add_argument("folder", type=Path)
    read.add_argument("--only", choices=ENGINES, help="one engine, in this process; prints JSON")
    given = read.parse_args()
    if given.only:
        sys.stdout.write(json.dumps(measured(given.only, given.store, given.folder)))
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    asked = questions(given.store)
    (given.folder / "questions.json").write_text(json.dumps(asked))
    size = sum(frame.height for frame in rows(given.store))
    told, wrong = {}, []
    for name in ENGINES:
        command = [
            _python(name, given.folder),
            "-m",
            "benchmarks.portal.engines",
            str(given.store),
            str(given.folder),
            "--only",
            name,
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"POLARS_MAX_THREADS": "2"})  # noqa: S603
        told[name] = json.loads(done.stdout)
        answers = told[name].pop("answers")
        for kind, ones in answers.items():
            ours = told["ours"].setdefault("all", answers)[kind]
            wrong += [
                f"{name} {kind}" for one, two in zip(ones, ours, strict=False) if json.dumps(one) != json.dumps(two)
            ]
    told["ours"].pop("all")
    (_RESULTS / "portal-engines.json").write_text(
        json.dumps({"size": size, "machine": describe(), "engines": told}, indent=2) + "\n"
    )
    (_RESULTS / "portal-engines.md").write_text(table(told, describe(), size))
    sys.stdout.write(table(told, describe(), size))
    if wrong:
        sys.stdout.write(f"{len(wrong)} answers differ: {sorted(set(wrong))}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
