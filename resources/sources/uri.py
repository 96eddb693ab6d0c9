"""Which source a URI names.

How each kind of source is read is in its own module beside this one.
"""

# Adapters are imported only when asked for: a source must not cost the others its drivers' import time.
# ruff: noqa: PLC0415

from guatecompras.addresses import redact
from guatecompras.contract import Source
from guatecompras.errors import SourceError

FORMS = (
    "demo:?size=2000&seed=1",
    "ocds:DIR",
    "ocds+https://HOST/PATH",
    "sqlite:///FILE",
    "postgresql://USER:PASSWORD@HOST/DATABASE",
    "csv:DIR",
)


def open_source(uri: str) -> Source:
    """The source that `uri` names (one of FORMS); it is not read yet, but a missing file or folder is found here.

    Raises SourceError when the URI is of no known form, or names what is not there.
    """
    scheme = uri.partition(":")[0].lower()
    if ":" in uri:
        if scheme == "demo":
            from resources.sources.demo import DemoSource

            return DemoSource.from_uri(uri)
        if scheme in ("ocds", "ocds+http", "ocds+https"):
            from resources.sources.ocds import OcdsSource

            return OcdsSource.from_uri(uri)
        if scheme in ("sqlite", "postgresql", "postgresql+psycopg2"):
            from resources.sources.sql import SqlSource

            return SqlSource.from_uri(uri)
        if scheme == "csv":
            from resources.sources.csv import FolderSource

            return FolderSource.from_uri(uri)
    raise SourceError(f"'{redact(uri)}' is not a source: write one of {', '.join(FORMS)}")
