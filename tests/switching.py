"""Switching a store's index to a version of few files, as publishing does, for tests of what comes before and after."""

from collections.abc import Iterable
from typing import Any

from guatecompras.publication import MANIFEST, PublishedFile, previous_of, switched
from guatecompras.stores import Store

LISTED = (PublishedFile("a.csv", "csv", 1, "0" * 64, 0), PublishedFile(MANIFEST, "manifest", 1, "0" * 64, 1))


def switched_to(
    index: dict[str, Any], month: str, version: str, files: Iterable[PublishedFile] = LISTED
) -> dict[str, Any]:
    """The index switched to a version made from what is current now."""
    published, previous = "2026-02-01T00:00:00-06:00", previous_of(index, month, version)
    return switched(index, month, version, published, {}, files, previous=previous, inputs="0" * 64)


def switch(store: Store, month: str, version: str, files: Iterable[PublishedFile] = LISTED) -> None:
    """Switch a store's index so."""
    store.update_index(lambda index: switched_to(index, month, version, files))
