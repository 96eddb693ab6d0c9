"""The command `guatecompras`: what operators, schedules of other systems and scripts call. It only parses, calls and shows."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from guatecompras.errors import GuatecomprasError
from guatecompras.months import Month, parse_months

if TYPE_CHECKING:
    from guatecompras.stores import Store

out = Console()
err = Console(stderr=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="guatecompras")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Guatemala's open-contracting publication: Guatecompras' tables to OCDS, month by month."""
    context.obj = debug
    # Where the terminal's language lacks a letter, a mark in its place must do: the work is done by then.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


@contextmanager
def _one_line() -> Iterator[None]:
    """Errors that a person can act on end in one line and exit status 1; others keep their traceback."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(
            "guatecompras: interrupted; what was published stays, and the next run goes on from here",
            style="red",
            soft_wrap=True,
        )
        sys.exit(130)
    except GuatecomprasError as error:
        if click.get_current_context().find_root().obj:
            raise
        err.print(f"guatecompras: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


@main.command()
@click.argument("months", nargs=-1, required=True, metavar="MONTH... | FIRST..LAST")
@click.option(
    "--source",
    envvar="GUATECOMPRAS_SOURCE",
    default="",
    help="Where the nine tables come from (URI). Default: the demo source.",
)
@click.option(
    "--store",
    envvar="GUATECOMPRAS_STORE",
    default="",
    help="Where the publication is kept: a folder or s3://BUCKET/PREFIX?endpoint=URL. Default: data/ in the project.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Months side by side, each in its own process.",
)
@click.option(
    "--accept",
    "checks",
    multiple=True,
    metavar="CHECK",
    help="Publish although this blocking check fails, in this run only; say why with --why, once for each.",
)
@click.option("--why", "reasons", multiple=True, metavar="TEXT", help="Why; it stands in the manifest and the report.")
def publish(
    months: tuple[str, ...], source: str, store: str, jobs: int, checks: tuple[str, ...], reasons: tuple[str, ...]
) -> None:
    """Publish months through Dagster: extract, build, check, write, switch the index. Months as YYYY-MM."""
    with _one_line():
        signal.signal(
            signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT)
        )  # a service manager's stop is a Ctrl-C
        wanted = [str(month) for month in parse_months(months)]
        if len(checks) != len(reasons):
            raise click.UsageError("each --accept needs its --why, and each --why its --accept")
        from guatecompras.quality import gate, rules
        from guatecompras.settings import Settings
        from guatecompras.stores import open_store
        from pipelines.home import home
        from pipelines.runner import publish_months
        from resources.settings import DEFAULT_SOURCE, default_store
        from resources.sources.uri import open_source

        source, store = source or DEFAULT_SOURCE, store or default_store()
        accepted = gate.overrides(
            zip(checks, reasons, strict=True), rules.load(Settings.from_environment().quality_rules)
        )
        open_source(source)  # a bad address is named before any run
        place = open_store(store)
        place.index()
        place_of_runs = home()
        results = []
        with _progress() as bar:
            task = bar.add_task("publishing", total=len(wanted), stage="")
            for result in publish_months(
                wanted, source, store, jobs, lambda month, stage: bar.update(task, stage=f"{month} {stage}"), accepted
            ):
                results.append(result)
                mark = "[green]published[/]" if result.published else "[red]failed[/]"
                bar.console.print(f"{result.month} {mark} in {result.seconds:.1f} s")
                bar.advance(task)
        index = place.index()["months"]
        _show(
            [index[r.month] | {"month": r.month} for r in sorted(results, key=lambda r: r.month) if r.published],
            place.public,
            place_of_runs,
        )
        failed = [result for result in results if not result.published]
        for result in sorted(failed, key=lambda r: r.month):
            err.print(
                f"guatecompras: {result.month}: {result.reason}",
                style="red",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        sys.exit(1 if failed else 0)


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[stage]}"),
    )
    return Progress(*columns, console=out, transient=False)


def _show(entries: list[dict], public: str, home: Path) -> None:  # type: ignore[type-arg]
    """The summary: what was published, and where it is."""
    if not entries:
        return
    table = Table(title="Published", title_justify="left", caption_justify="left", box=None, pad_edge=False)
    table.add_column("month", no_wrap=True)
    for name in ("concursos", "releases", "awards", "rejects", *_SHOWN.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        counts, sizes = entry["counts"], _sizes(entry["files"])
        left_out = next(file["rows"] for file in entry["files"] if file["path"].endswith("_rechazos.parquet"))
        rejects = f"{counts['rejected']:,} ({left_out:,})"
        numbers = [f"{counts[name]:,}" for name in ("concursos", "releases", "awards")]
        table.add_row(entry["month"], *numbers, rejects, *(sizes[form] for form in _SHOWN))
    table.caption = "rejects: concursos not published (rows and values left out); downloads by their size"
    out.print(table)
    out.print(
        f"The files are in {public} (index.json lists them); the runs are in {home}.",
        soft_wrap=True,
    )


# How a file's name ends, and what the summary calls it.
_SHOWN = {
    "_Guatecompras.json.zip": "JSON",
    "_csv.zip": "CSV",
    ".xlsx": "Excel",
    "_parquet.zip": "Parquet",
}


def _sizes(files: list[dict]) -> dict[str, str]:  # type: ignore[type-arg]
    return {end: next(_size(file["bytes"]) for file in files if file["path"].endswith(end)) for end in _SHOWN}


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


@main.command("demo-source")
@click.option("--first", required=True, metavar="YYYY-MM", help="First month.")
@click.option("--months", type=click.IntRange(1, 240), default=1, show_default=True)
@click.option("--size", type=click.IntRange(1), default=2000, show_default=True, help="Concursos a month.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--schemes", is_flag=True, help="With planted irregularities, to try the integrity indicators on.")
@click.option(
    "--out",
    "target",
    required=True,
    metavar="sqlite:///FILE | DIR",
    help="A SQLite database, or a folder of CSV files.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the files in DIR.",
)
def demo_source(first: str, months: int, size: int, seed: int, schemes: bool, target: str, form: str) -> None:
    """Write a synthetic source: the nine tables, the same bytes for the same arguments."""
    with _one_line():
        from resources.sources.csv import write_folder
        from resources.sources.demo import demo_chunks
        from resources.sources.sql import write_tables

        chunks = demo_chunks(Month.parse(first), months, size, seed, schemes)
        if "://" in target:
            write_tables(target, chunks)
        else:
            write_folder(Path(target), chunks, format=form)  # type: ignore[arg-type]
        out.print(f"{months} months of {size:,} concursos from {first} are in {target}", soft_wrap=True)


@main.command()
@click.argument("words", nargs=-1, metavar="[STORE] [FILE]...")
@click.option(
    "--month", "months", multiple=True, metavar="YYYY-MM", help="Only this month; may be given more than once."
)
@click.option("--quick", is_flag=True, help="Do not count rows again: sizes, sha256 and the chain of manifests only.")
@click.option(
    "--key", metavar="PUBLIC.pem", type=click.Path(path_type=Path), help="The index must be signed with this key."
)
def verify(words: tuple[str, ...], months: tuple[str, ...], quick: bool, key: Path | None) -> None:
    """Read a whole publication again: presence, size and sha256 of every file, the chain of manifests, rows of all formats.

    With FILEs: which published file each of them is, by its content, whatever it is called now; exit status 1 if one is none.
    """
    with _one_line():
        from guatecompras import signing
        from guatecompras.errors import StoreError
        from guatecompras.stores import open_store
        from resources.settings import STORE_VARIABLE, default_store

        files = [Path(word) for word in words if Path(word).is_file()]
        stores = [word for word in words if Path(word) not in files]
        if len(stores) > 1:
            raise click.UsageError(f"{stores[-1]} is neither a file nor the store, which is {stores[0]}")
        place = open_store(stores[0] if stores else os.environ.get(STORE_VARIABLE) or default_store())
        index = place.index()
        if not index["months"]:
            raise StoreError(f"there is no publication in {place.uri}")
        for month in months:
            if str(Month.parse(month)) not in index["months"]:
                raise StoreError(f"{month} is not in the publication in {place.uri}")
        signature = signing.fault(index, signing.public_key(key)) if key else ""
        faults = [signature] if signature else []
        faults += _verify_files(index, place, files) if files else _verify_all(index, place, months, quick)
        for fault in faults:
            err.print(f"guatecompras: {fault}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1 if faults else 0)


def _verify_all(index: dict, place: "Store", months: tuple[str, ...], quick: bool) -> list[str]:  # type: ignore[type-arg]
    from guatecompras.gathered.verify import verify_collections
    from guatecompras.verification import verify_publication

    report = verify_publication(index, place.version_folder, months or None, counted=not quick)
    files, faults = (0, []) if months else verify_collections(index, place.collection_folder, counted=not quick)
    faults = [*report.faults, *faults]
    out.print(
        f"{report.months} months, {report.versions} versions, {report.files + files} files: {len(faults)} faults",
        soft_wrap=True,
    )
    if report.left:
        out.print(
            f"{report.left} files of withdrawn versions are still there; the next run of their month removes them."
        )
    return faults


def _verify_files(index: dict, place: "Store", files: list[Path]) -> list[str]:  # type: ignore[type-arg]
    from guatecompras.errors import StoreError
    from guatecompras.formats.counting import digest
    from guatecompras.verification import known_files, verify_chain

    faults, known = verify_chain(index, place.version_folder), known_files(index, place.version_folder)
    for file in files:
        try:
            found = known.get(digest(file)[0])
        except OSError as error:
            raise StoreError(f"cannot read {file}: {error.strerror or error}") from error
        if found is None:
            faults.append(f"{file}: not a file of this publication")
        else:
            more = f", and in {len(found) - 1} other versions" if found[1:] else ""
            out.print(f"{file}: {found[0]}{more}", markup=False, highlight=False, soft_wrap=True)
    return faults


@main.command()
@click.argument("store", required=False)
def catalog(store: str | None) -> None:
    """Print the catalog of all that is public, as DCAT 3 in JSON-LD (`catalog.jsonld` beside the index is the same)."""
    with _one_line():
        from guatecompras import dcat
        from guatecompras.settings import Settings
        from guatecompras.stores import open_store
        from resources.settings import STORE_VARIABLE, default_store

        place = open_store(store or os.environ.get(STORE_VARIABLE) or default_store())
        click.echo(dcat.as_bytes(place.index(), Settings.from_environment()), nl=False)


_STORE_OPTION = click.option(
    "--store",
    envvar="GUATECOMPRAS_STORE",
    default="",
    help="Where the publication is kept. Default: data/ in the project.",
)


def _opened(store: str) -> "Store":
    from guatecompras.stores import open_store

    if not store:
        # It loads Dagster, which these commands have no other need of.
        from resources.settings import default_store

        store = default_store()
    return open_store(store)


@main.command()
@_STORE_OPTION
@click.option("--since", "cursor", default="", metavar="CURSOR", help="After which row. Default: from the first.")
@click.option("--limit", type=click.IntRange(1), default=None, help="So many rows at the most. Default: all there are.")
@click.option("--follow/--no-follow", default=False, show_default=True, help="Wait for more, until interrupted.")
@click.option("--every", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Seconds between two looks.")
def changes(store: str, cursor: str, limit: int | None, follow: bool, every: float) -> None:
    """What changed, over all months, in the order in which it became public: JSON Lines.

    Each line has a `cursor`, to go on after it with --since. The cursor of the end, which is further on where the last
    versions changed nothing, is told on the other output.
    """
    with _one_line():
        from itertools import chain

        from guatecompras.changes import feed

        place, left = _opened(store), limit
        with suppress(KeyboardInterrupt):  # how who follows ends it
            while True:
                page = feed.page(place, cursor, min(feed.LIMIT, left or feed.LIMIT))
                sys.stdout.buffer.writelines(chain.from_iterable((feed.as_json(row), b"\n") for row in page.rows))
                sys.stdout.buffer.flush()
                cursor = page.cursor
                left = left if left is None else left - len(page.rows)
                if left == 0 or (page.up_to_date and not follow):
                    break
                if page.up_to_date:
                    time.sleep(every)
        err.print(f"guatecompras: go on with --since {cursor}", markup=False, highlight=False, soft_wrap=True)


@main.command()
@click.argument("month")
@click.argument("version")
@click.option("--why", required=True, metavar="TEXT", help="Why; it stands in the manifest and in the index.")
@_STORE_OPTION
def rollback(month: str, version: str, why: str, store: str) -> None:
    """Make public again what an earlier VERSION of a MONTH held, as a new version with the same files."""
    with _one_line():
        from guatecompras.rollback import roll_back
        from guatecompras.settings import Settings

        done = roll_back(_opened(store), str(Month.parse(month)), version, why, Settings.from_environment())
        number = done.changes
        out.print(
            f"{month} is at what version {version} held again, as version {done.entry['version']} (commit "
            f"{done.entry['sequence']}): {number['added']:,} records came back, {number['removed']:,} went, "
            f"{number['changed']:,} changed.\n"
            "Years, history, reports and all else that is made of months still hold what was public before: run "
            "'guatecompras collect'.",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


@main.command()
@_STORE_OPTION
def withdraw(store: str) -> None:
    """Remove files of earlier versions, of months and of collections, that have personal data which may not be public any more."""
    with _one_line():
        from guatecompras.settings import Settings
        from guatecompras.withdrawal import withdraw as take_back

        done = take_back(_opened(store), Settings.from_environment())
        for name, version in (*done.versions, *done.collections):
            out.print(f"{name}: version {version} is withdrawn", soft_wrap=True, markup=False, highlight=False)
        if done.waiting:
            raise GuatecomprasError(
                f"what is public of {', '.join(done.waiting)} still has such data: publish the months again, run "
                "'guatecompras collect', and then this again"
            )


@main.command("collect")
@_STORE_OPTION
def collect_command(store: str) -> None:
    """Bring all that is made of published months up to date: yearly files, history, market, reports, datasets, social audit, red
    flags."""
    with _one_line():
        from guatecompras import dcat
        from guatecompras.audit import build as audit
        from guatecompras.datasets import monthly as datasets
        from guatecompras.gathered.collect import bring, collect
        from guatecompras.integrity import history as flags
        from guatecompras.integrity import monthly as integrity
        from guatecompras.market import collection as market
        from guatecompras.reports import monthly as reports
        from guatecompras.settings import Settings

        place = _opened(store)
        found = collect(place)
        found += bring(place, lambda parts: [market.plan(place, parts)])
        made_of_months = (reports.plan, datasets.plan)
        found += bring(place, lambda parts: (plan(place, part) for plan in made_of_months for part in parts))
        settings = Settings.from_environment()
        found += bring(place, lambda parts: [audit.plan(place, parts, settings)])
        rules = integrity.Rules(settings.sanctions)
        found += bring(place, lambda parts: (integrity.plan(place, part, parts, rules) for part in parts))
        found += bring(place, lambda parts: flags.plan(place, parts))
        dcat.publish(place, settings)
        for one in found:
            counts, mark = one.entry["counts"], "made" if one.made else "as it was"
            out.print(
                f"{one.name} {mark}: {counts['months']} months, {counts['records']:,} records ({one.entry['version']})",
                soft_wrap=True,
                highlight=False,
            )


@main.command()
@click.option("--table", is_flag=True, help="All that can be set, as the operators' guide has it.")
def variables(table: bool) -> None:
    """What is set by variables of the environment here; of secrets only that they are."""
    from pipelines.variables import given, markdown

    if table:
        click.echo(markdown(), nl=False)
        return
    for name, value in given():
        click.echo(f"{name}={value}")


@main.command("red-flags")
@click.argument("month")
@_STORE_OPTION
def red_flags(month: str, store: str) -> None:
    """Calculate the red flags of a MONTH again from the versions that their manifest names, and compare the files."""
    with _one_line():
        from guatecompras.integrity import again
        from guatecompras.integrity.monthly import Rules
        from guatecompras.settings import Settings

        place = _opened(store)
        with TemporaryDirectory() as folder:
            compared = again.compare(place, month, Rules(Settings.from_environment().sanctions), Path(folder))
        for name, same in compared.items():
            click.echo(f"{name}: {'the same' if same else 'DIFFERENT'}")
        if not all(compared.values()):
            raise GuatecomprasError(f"{month}: what is public is not what its versions and these rules give")


@main.command()
@click.argument("report", required=False)
@click.option(
    "--filter", "given", multiple=True, metavar="NAME=VALUE", help="What is asked; may be given several times."
)
@click.option(
    "--format", "form", type=click.Choice(["xlsx", "csv", "xml", "json"]), default=None, help="Default: as FILE ends."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Default: the report's name."
)
@_STORE_OPTION
def report(report: str | None, given: tuple[str, ...], form: str | None, out: Path | None, store: str) -> None:
    """Write a predefined REPORT of what is public to a file; without one, list the reports."""
    with _one_line():
        from guatecompras.reports import running
        from guatecompras.reports.filters import FILTERS
        from guatecompras.reports.registry import REPORTS

        if report is None:
            for one in REPORTS.values():
                click.echo(f"{one.id}\n    {one.title}. {one.description}\n    --filter {', '.join(one.filters)}")
            return
        if report not in REPORTS:
            raise GuatecomprasError(f"there is no report '{report}'; `guatecompras report` lists them")
        if wrong := [text for text in given if "=" not in text]:
            raise GuatecomprasError(f"--filter {wrong[0]}: write NAME=VALUE, with a name of {', '.join(FILTERS)}")
        ending = form or (out.suffix.removeprefix(".") if out else "xlsx")
        if ending not in ("xlsx", "csv", "xml", "json"):
            raise GuatecomprasError(f"--format: {out} ends like none of xlsx, csv, xml, json")
        place, target = _opened(store), out or Path(f"{report}.{ending}")
        index = place.index()
        with TemporaryDirectory() as folder:
            found = running.run(
                REPORTS[report],
                dict(text.split("=", 1) for text in given),
                list(index["months"]),
                lambda month, names: place.version_folder(month, index["months"][month]["version"], names),
                Path(folder) / "rows.parquet",
            )
            found.write(ending, target)
        click.echo(f"{target}: {found.rows:,} rows of {', '.join(found.months[:1] + found.months[1:][-1:])}")


@main.command()
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
@click.option("--month", "months", multiple=True, metavar="YYYY-MM", help="Only these months. Default: all.")
@_STORE_OPTION
def ckan(dry_run: bool, months: tuple[str, ...], store: str) -> None:
    """Bring the open-data portal (CKAN) up to date with what is public. Its address is in GUATECOMPRAS_CKAN_URL, the token in
    GUATECOMPRAS_CKAN_TOKEN."""
    with _one_line():
        from guatecompras.ckan import push, wanted
        from guatecompras.settings import Settings
        from resources.ckan import Ckan, most_bytes, organization

        place, client, most = _opened(store), Ckan.from_environment(), most_bytes()
        datasets = wanted.of_store(place, Settings.from_environment().base_url, organization(), months or None)
        if dry_run:
            steps = list(push.planned(client, datasets, most))
            for step in steps:
                click.echo(str(step))
            click.echo(f"{len(steps)} steps to do; nothing was written")
            return
        done = push.push(client, datasets, wanted.file_of(place), most, lambda step: click.echo(str(step)))
        click.echo(
            f"{len(done.steps)} steps done"
            + (f"; {len(done.linked)} files were too large and are linked" if done.linked else "")
        )


@main.command()
@click.option(
    "--queries",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The saved searches, TOML: [[query]] with name, search, webhook or webhook_env, secret_env.",
)
@click.option(
    "--state",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What was told already; made by the first run.",
)
@click.option("--existing", is_flag=True, help="Tell what is there when a search is first looked for, too.")
@_STORE_OPTION
def alerts(queries: Path, state: Path, existing: bool, store: str) -> None:
    """Post what is new in saved searches to their webhooks, each concurso once; what is not taken is posted again by the next run.

    What is there when a search is first looked for is marked as told.
    """
    with _one_line():
        from datetime import UTC, datetime

        from portal.alerts.queries import read
        from portal.alerts.state import held
        from portal.alerts.telling import Public, tell
        from portal.settings import Settings
        from resources.webhooks import Webhooks

        hooks, saved = Webhooks(), read(queries)
        with held(state) as told:
            found = tell(
                Public.of_store(Settings.from_environment(store=store or None)),
                saved,
                told,
                lambda query, delivery, body: hooks.post(query.webhook, delivery, body, query.secret),
                datetime.now(UTC),
                existing=existing,
            )
        for one in found:
            marked = f"{one.marked:,} there already, " if one.marked else ""
            click.echo(f"{one.name}: {marked}{one.new:,} new, {one.delivered} deliveries taken, {one.waiting} wait")
        if faults := [f"{one.name}: {one.fault}" for one in found if one.fault]:
            raise GuatecomprasError(f"not all was taken; the next run tries again: {'; '.join(faults)}")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=None, help="Processes. Default: one a processor.")
@click.option(
    "--store",
    default=None,
    help="The publication: a folder or s3://BUCKET/PREFIX?endpoint=URL. Default: GUATECOMPRAS_STORE, else data/ in the project.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    default=None,
    help="Show what is counted of requests, for Prometheus, at this port of --metrics-host. Default: nothing is counted.",
)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Not where the public can reach it.")
def serve(
    host: str, port: int, workers: int | None, store: str | None, metrics_port: int | None, metrics_host: str
) -> None:
    """Serve the portal: pages, API and downloads of what is public in a store, which is only read."""
    with _one_line():
        from portal.serve import serve as run
        from portal.settings import Settings

        settings = Settings.from_environment(store=store)
        run(
            settings,
            host,
            port,
            workers or len(os.sched_getaffinity(0)),
            lambda address: err.print(
                f"guatecompras: serving {address}", markup=False, highlight=False, soft_wrap=True
            ),
            None if metrics_port is None else (metrics_host, metrics_port),
        )


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; not where the public can reach it."
)
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True)
@_STORE_OPTION
def metrics(host: str, port: int, store: str) -> None:
    """Show the runs of the Dagster home and what is public as numbers for Prometheus."""
    with _one_line():
        from pipelines.home import opened
        from pipelines.metrics import serve as show

        place, stopped = _opened(store), threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        with opened() as instance:
            end = show(
                instance,
                place,
                host,
                port,
                lambda address: err.print(
                    f"guatecompras: metrics at {address}", markup=False, highlight=False, soft_wrap=True
                ),
            )
            stopped.wait()
            end()


@main.command()
@click.option(
    "--tell", is_flag=True, help="Send what is due, as the sensor does; for who has no daemon, every few minutes."
)
@click.option("--test", "is_test", is_flag=True, help="Only send a test by every channel that is set up.")
@_STORE_OPTION
def watch(tell: bool, is_test: bool, store: str) -> None:
    """Look for what is wrong: runs that failed, months that are late, faults of what is public, what is not refreshed."""
    with _one_line():
        from pipelines.home import opened
        from pipelines.watching.look import look, seen, trial
        from resources.alerts import Alerts

        channels = Alerts()
        if is_test:
            faults = channels.send(trial())
            for name in channels.channels():
                click.echo(f"{name}: {faults.get(name, 'sent')}")
            if faults:
                raise GuatecomprasError("not every channel took it")
            return
        place = _opened(store)
        with opened() as instance:
            found = look(instance, place, channels) if tell else seen(instance, place)[1]
        for alert in found:
            lines = [*alert.details, *([f"{alert.link.label}: {alert.link.url}"] if alert.link else [])]
            click.echo("\n    ".join([f"{alert.kind} {alert.subject}: {alert.title}", *lines]))
        if not found:
            click.echo("all is well")


if __name__ == "__main__":
    main()
