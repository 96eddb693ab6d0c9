"""Where a run reads from and writes to, as Dagster resources. The adapters and stores behind them know nothing of Dagster."""

import os
from pathlib import Path

import dagster as dg

from guatecompras.addresses import redact
from guatecompras.contract import Source
from guatecompras.errors import StoreError
from guatecompras.formats.atomic import age, replacing, sweep
from guatecompras.month import MonthWork
from guatecompras.settings import Settings
from guatecompras.stores import STALE_AFTER, Store, open_store
from guatecompras.variables import Variable
from resources.sources.uri import open_source

SOURCE_VARIABLE, STORE_VARIABLE = "GUATECOMPRAS_SOURCE", "GUATECOMPRAS_STORE"
PROJECT = Path(__file__).parents[1]
DEFAULT_SOURCE = "demo:?size=2000&seed=1"

# Of the sources that this process was given: as they may be shown -> as they are.
_WHOLE: dict[str, str] = {}

VARIABLES = (
    Variable(
        SOURCE_VARIABLE, "where the nine tables come from; an address may hold a password", DEFAULT_SOURCE, secret=True
    ),
    Variable(STORE_VARIABLE, "the publication: a folder or `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`", "data/"),
)


def default_store() -> str:
    """`data/` in the project's root."""
    return str(PROJECT / "data")


class SourceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The source of the nine contract tables, by its URI (empty: GUATECOMPRAS_SOURCE, else the demo source)."""

    uri: str = ""

    @classmethod
    def of(cls, uri: str) -> "SourceResource":
        """The source of a URI whose password stays in this process: what a resource is configured with, Dagster writes into the
        snapshot of every job, and shows."""
        shown = redact(uri)
        _WHOLE[shown] = uri
        return cls(uri=shown)

    def open(self) -> Source:
        return open_source(_WHOLE.get(self.uri, self.uri) or os.environ.get(SOURCE_VARIABLE) or DEFAULT_SOURCE)


class StoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The publication's store, by its URI (empty: GUATECOMPRAS_STORE, else `data/` in the project's root).

    A folder, or `s3://BUCKET/PREFIX?endpoint=URL&region=NAME` with credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of
    every process that runs assets; it has none in it, so it may be shown. Work is on the machine of the run (GUATECOMPRAS_WORK).
    """

    uri: str = ""

    def open(self) -> Store:
        return open_store(self.uri or os.environ.get(STORE_VARIABLE) or default_store())

    def remember(self, work: MonthWork, run_id: str) -> None:
        """Note which version a run works on, so that its next stages find it, and stages of later runs too."""
        folder = work.folder.parent / "runs"
        folder.mkdir(exist_ok=True)
        sweep(folder)
        for note in folder.iterdir():
            if age(note) > STALE_AFTER and note.name != "last":  # of a run that failed
                note.unlink(missing_ok=True)
        for name in (run_id, "last"):
            with replacing(folder / name) as part:
                part.write_text(work.version, encoding="utf-8")

    def work(self, month: str, run_id: str) -> MonthWork:
        """The month's work as this run extracted it; where it did not, as the last run did. Raises StoreError without any."""
        store = self.open()
        folder = store.work(month) / "runs"
        noted = next((path for path in (folder / run_id, folder / "last") if path.is_file()), None)
        if noted is None:
            raise StoreError(f"nothing of {month} has been extracted into this store: materialize the whole month")
        return MonthWork(store, month, noted.read_text(encoding="utf-8"), Settings.from_environment())

    def forget(self, work: MonthWork, run_id: str) -> None:
        """Drop the note of a run that is over."""
        (work.folder.parent / "runs" / run_id).unlink(missing_ok=True)
