"""The portal under load: the real server over a publication, asked at a steady rate, whether or not it keeps up.

`python -m benchmarks.portal.load STORE` starts `guatecompras serve`, measures how long until it answers, asks `--rate` times a
second for `--seconds`, and writes milliseconds by kind of question. What asks runs on the same cores.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from benchmarks.machine import describe, sentence

_RESULTS = Path(__file__).parents[1] / "results"
# Kind of question -> its share, the milliseconds that 95 of 100 have to stay below (None: no such promise), what it is.
KINDS: dict[str, tuple[int, float | None, str]] = {
    "record": (30, 30.0, "record by ocid"),
    "search": (20, 100.0, "official search, a page of 50 releases"),
    "text": (20, 200.0, "v2 text search"),
    "filters": (8, None, "v2 search by buyer, amount, dates"),
    "facets": (4, None, "v2 facets of a text"),
    "concurso": (8, None, "page of a concurso"),
    "explorar": (4, None, "page of a search"),
    "supplier": (4, None, "a supplier's profile"),
    "home": (2, None, "home page"),
}
_WORDS = (
    "papel bond", "medicamentos", "servicio de mantenimiento", "computadora", "evento", "combustible diesel", "vacuna",
    "alimentos hospital", "construcción escuela", "tóner", "reactivos laboratorio", "llantas", "consultoría", "compra",
)  # fmt: skip


class Asker:
    """Draws addresses of each kind, from what is published."""

    def __init__(self, store: Path) -> None:
        self._draw = random.Random(7)  # noqa: S311 – no secret
        index = orjson.loads((store / "publication" / "index.json").read_bytes())
        self._months = sorted(index["months"])
        self._nogs: list[int] = []
        self._buyers: list[str] = []
        self._suppliers: list[str] = []
        for month in self._draw.sample(self._months, min(12, len(self._months))):
            self._read(store, month, index["months"][month]["version"])

    def _read(self, store: Path, month: str, version: str) -> None:
        import polars as pl  # noqa: PLC0415

        tables = store / "publication" / "months" / month / version / "tables"
        records = pl.read_parquet(tables / "records.parquet", columns=["nog", "buyer_id"])
        self._nogs += records["nog"].sample(300, seed=1).to_list()
        self._buyers += records["buyer_id"].sample(50, seed=1).to_list()
        self._suppliers += (
            pl.read_parquet(tables / "award_suppliers.parquet", columns=["id"])["id"].sample(50, seed=1).to_list()
        )

    def address(self, kind: str) -> str:
        draw = self._draw
        year, number = draw.choice(self._months).split("-")
        words = quote(draw.choice(_WORDS))
        return {
            "record": f"/record/ocds-xqjsxa-{draw.choice(self._nogs)}",
            "search": f"/release/search?Anio={year}&Mes={number}&pagina={draw.randint(1, 20)}"
            + draw.choice(["", "&Entidad=52", "&Modalidad_compradora=1", "&Estatus_concurso=3"]) * draw.randint(0, 1),
            "text": f"/api/v2/concursos?q={words}" + draw.choice(["", "&estatus=3", "&objeto=goods", "&sort=-monto"]),
            "filters": f"/api/v2/concursos?comprador={draw.choice(self._buyers)}&monto_min={draw.choice([0, 25000, 90000])}"
            f"&convocado_desde={year}-{number}-01",
            "facets": f"/api/v2/concursos/resumen?q={words}&por=month&por=modalidad&por=buyer",
            "concurso": f"/concurso/{draw.choice(self._nogs)}",
            "explorar": f"/explorar?q={words}",
            "supplier": f"/api/v2/proveedores/{draw.choice(self._suppliers)}",
            "home": "/",
        }[kind]

    def kinds(self, count: int) -> list[str]:
        return self._draw.choices(list(KINDS), [share for share, *_ in KINDS.values()], k=count)


async def ask(url: str, asker: Asker, rate: float, seconds: float) -> dict[str, list[tuple[float, int, int]]]:
    """At a steady rate: kind -> milliseconds from when it was due, status and bytes of each answer."""
    told: dict[str, list[tuple[float, int, int]]] = {kind: [] for kind in KINDS}
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:

        async def one(kind: str, address: str, due: float) -> None:
            try:
                answer = await client.get(address)
                told[kind].append(((time.perf_counter() - due) * 1e3, answer.status_code, len(answer.content)))
            except httpx.HTTPError:
                told[kind].append(((time.perf_counter() - due) * 1e3, 0, 0))

        kinds = asker.kinds(int(rate * seconds))
        addresses = [asker.address(kind) for kind in kinds]
        started, tasks = time.perf_counter(), []
        for number, (kind, address) in enumerate(zip(kinds, addresses, strict=True)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(one(kind, address, due)))
        await asyncio.gather(*tasks)
    return told


def memory(process: int) -> dict[str, int]:
    """Bytes over a process and its children: `resident` with what is mapped (shared pages once), `own` without."""
    told = {"resident": 0, "own": 0}
    for one in [process, *_children(process)]:
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                told["resident"] += int(rest.split()[0]) * 1024
            if name == "Pss_Anon":
                told["own"] += int(rest.split()[0]) * 1024
    return told


def _children(process: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return found + [two for one in found for two in _children(one)]


def _wait(url: str, path: str) -> float:
    started = time.perf_counter()
    while time.perf_counter() - started < 120:
        try:
            if httpx.get(url + path, timeout=60).status_code == 200:
                return time.perf_counter() - started
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError(url)


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    own, resident = (f"{result['memory'][name] / 1e6:,.0f} MB" for name in ("own", "resident"))
    lines = [f"# The portal under load, {result['concursos']:,} concursos", "", sentence(result["machine"]), ""]
    lines += [
        f"{result['rate']:g} requests a second for {result['seconds']:g} s; {result['workers']} process(es) of the server, and "
        f"what asks, on the same cores. Until the first record: {result['cold']:.1f} s. Memory: {own} of its own, {resident} with "
        "the files that are mapped.",
        "",
        "| request | answers | median ms | p95 ms | p99 ms | promised p95 | kB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, one in result["kinds"].items():
        _, promised, said = KINDS[kind]
        spent = " | ".join(f"{one[name]:.1f}" for name in ("p50", "p95", "p99"))
        most = "" if promised is None else f"{promised:g}"
        lines.append(f"| {said} | {one['answers']:,} | {spent} | {most} | {one['bytes'] / 1e3:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Start, ask, tell."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("store", type=Path)
    read.add_argument("--rate", type=float, default=50)
    read.add_argument("--seconds", type=float, default=60)
    read.add_argument("--workers", type=int, default=1)
    read.add_argument("--port", type=int, default=8190)
    given = read.parse_args()
    asker, url = Asker(given.store), f"http://127.0.0.1:{given.port}"
    without_limits = {
        "GUATECOMPRAS_REQUESTS_PER_MINUTE": "1000000",
        "GUATECOMPRAS_BURST": "1000000",
        "GUATECOMPRAS_BASE_URL": url,
    }
    with tempfile.TemporaryDirectory() as cache, open(Path(cache) / "log", "wb") as log:
        command = [
            sys.executable,
            "-m",
            "pipelines.cli",
            "serve",
            "--store",
            str(given.store),
            "--port",
            str(given.port),
        ]
        server = subprocess.Popen(  # noqa: S603
            [*command, "--workers", str(given.workers)],
            env=os.environ | without_limits | {"GUATECOMPRAS_BASE_URL": url} | {"GUATECOMPRAS_PORTAL_CACHE": cache},
            stdout=log,
            stderr=log,
        )
        try:
            cold = _wait(url, asker.address("record"))
            time.sleep(15)  # what is found beside the first answers is found by now
            asyncio.run(ask(url, asker, given.rate, 5))
            told = asyncio.run(ask(url, asker, given.rate, given.seconds))
            used = memory(server.pid)
        finally:
            server.terminate()
            server.wait(30)
    kinds = {}
    for kind, answers in told.items():
        spent = [ms for ms, _, _ in answers]
        shares = {name: _percentile(spent, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        kinds[kind] = {"answers": len(answers), "bytes": sum(n for *_, n in answers) / len(answers), **shares}
    index = orjson.loads((given.store / "publication" / "index.json").read_bytes())
    result = {
        "concursos": sum(entry["counts"]["records"] for entry in index["months"].values()),
        "machine": describe(),
        "rate": given.rate,
        "seconds": given.seconds,
        "workers": given.workers,
        "cold": cold,
        "memory": used,
        "kinds": kinds,
    }
    (_RESULTS / "portal-load.json").write_text(json.dumps(result, indent=2) + "\n")
    (_RESULTS / "portal-load.md").write_text(table(result))
    sys.stdout.write(table(result))
    wrong = sorted({(kind, status) for kind, answers in told.items() for _, status, _ in answers if status != 200})
    late = [kind for kind, (_, promised, _) in KINDS.items() if promised and kinds[kind]["p95"] > promised]
    sys.stdout.write(f"other statuses: {wrong or 'none'}; over what was promised: {late or 'none'}\n")
    return 1 if wrong or late else 0


if __name__ == "__main__":
    sys.exit(main())
