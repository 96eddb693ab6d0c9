"""Stand-ins for the publication and the library over a local store, for looking at pages while those are being made."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from fastapi import FastAPI

from portal.pages import downloads, feeds, home, process


class Edition:
    def __init__(self, root: Path) -> None:
        self.root = root / "publication"
        self.index: dict[str, Any] = orjson.loads((self.root / "index.json").read_bytes())
        self.months = tuple(sorted(self.index["months"], reverse=True))
        self.etag = '"x"'

    def manifest(self, month: str, version: str | None = None) -> Any:
        version = version or self.index["months"][month]["version"]
        return orjson.loads(self.read(f"months/{month}/{version}/manifest.json"))

    def month(self, month: str) -> Any:
        return self.index["months"][month]

    def local(self, month: str, name: str) -> Path:
        return self.root / "months" / month / self.index["months"][month]["version"] / name

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


def app(root: Path, library: Any = None) -> FastAPI:
    made = FastAPI()
    made.state.publication = SimpleNamespace(now=lambda: Edition(root))
    made.state.settings = SimpleNamespace(base_url="https://ocds.guatecompras.gt", contact="")
    made.state.library = library
    for module in (home, downloads, process, feeds):
        made.include_router(module.router)
    return made
