"""Small publications, made by the stages themselves, for tests of what is done with one."""

from typing import Any

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoSource
from tests.replaced import LOSSES_ALLOWED

MONTH = "2026-01"


def built(
    store: LocalStore, seed: int, month: str = MONTH, size: int = 40, config: Settings = LOSSES_ALLOWED
) -> MonthWork:
    """A month made up to its downloads."""
    source = DemoSource.from_uri(f"demo:?size={size}&seed={seed}")
    work, _ = MonthWork.extract(store, source, Month.parse(month), config)
    work.ocds()
    work.changes()
    work.tables()
    work.report()
    work.downloads(DOWNLOADS)
    return work


def published(
    store: LocalStore, seed: int, month: str = MONTH, size: int = 40, config: Settings = LOSSES_ALLOWED
) -> dict[str, Any]:
    """A month published; its entry in the index."""
    return built(store, seed, month, size, config).publish()
