"""What a publisher may set about the publication itself: its addresses, its name. No secrets, no machine paths.

Where months are read from and written to is given per run (see `pipelines/`).
"""

from dataclasses import dataclass, field, fields
from os import environ
from pathlib import Path
from typing import Any

from guatecompras.errors import GuatecomprasError

OCID_PREFIX = "ocds-xqjsxa"
LICENSE = "https://creativecommons.org/licenses/by/4.0"
SOURCE_ID = "GUATECOMPRAS"
SOURCE_NAME = "Sistema de Información de Contrataciones y Adquisiciones del Estado"
SOURCE_URL = "https://www.guatecompras.gt"
SEGMENT_CRITERIA = ("añoPublicaciónConvocatoria", "mesPublicaciónConvocatoria")


FEWEST_KEPT = 2  # who read the index a moment ago still finds the files that it named


def _setting(default: Any, variable: str, meaning: str, decisive: bool = True) -> Any:
    return field(default=default, metadata={"variable": variable, "meaning": meaning, "decisive": decisive})


@dataclass(frozen=True)
class Settings:
    """Each field can be set by the environment variable in its metadata; `from_environment` reads them all."""

    base_url: str = _setting(
        "https://ocds.guatecompras.gt", "GUATECOMPRAS_BASE_URL", "base of the published addresses of releases and files"
    )
    publisher_name: str = _setting(
        "Guatemala - Ministerio de Finanzas Públicas - DGAE", "GUATECOMPRAS_PUBLISHER", "name of the publisher"
    )
    publisher_uri: str = _setting("https://www.guatecompras.gt", "GUATECOMPRAS_PUBLISHER_URI", "site of the publisher")
    policy_url: str = _setting(
        "https://www.guatecompras.gt/descargas/politica_publicacion.pdf",
        "GUATECOMPRAS_POLICY_URL",
        "publication policy",
    )

    # Of these three the text of the file that the variable names.
    quality_rules: str = _setting(
        "",
        "GUATECOMPRAS_QUALITY_RULES",
        "file of rules for checks that replace those of `guatecompras/data/quality.toml`",
    )
    personal_data: str = _setting(
        "",
        "GUATECOMPRAS_PERSONAL_DATA",
        "file that sets rules of `guatecompras/data/personal.toml`, what is published of natural persons, otherwise",
    )
    sanctions: str = _setting(
        "",
        "GUATECOMPRAS_SANCTIONS",
        "file of barred suppliers, a CSV with the columns `proveedor`, `desde`, `hasta`, `fuente`",
        decisive=False,
    )
    keep_versions: int = _setting(
        12,
        "GUATECOMPRAS_KEEP_VERSIONS",
        "versions of a month whose files are kept, beside the first of each year; manifests and changes always are",
        decisive=False,
    )

    rank_people: bool = _setting(
        False,
        "GUATECOMPRAS_RANK_PEOPLE",
        "`yes`: natural persons who supply are ranked by name in tables of the social audit; otherwise without it",
        decisive=False,  # of a month's bytes; collections that look at it have it among their rules
    )

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises GuatecomprasError when a file cannot be read, or another value will not do."""
        variables = {item.name: item.metadata["variable"] for item in fields(cls)}
        given: dict[str, Any] = {
            name: environ[variable] for name, variable in variables.items() if environ.get(variable)
        }
        for name in _FILES & given.keys():
            given[name] = _text(variables[name], given[name])
        if "keep_versions" in given:
            given["keep_versions"] = _number("GUATECOMPRAS_KEEP_VERSIONS", given["keep_versions"], FEWEST_KEPT)
        if "rank_people" in given:
            given["rank_people"] = yes_or_no("GUATECOMPRAS_RANK_PEOPLE", given["rank_people"])
        return cls(**given)

    def decisive(self) -> dict[str, Any]:
        """The settings that decide the bytes of what is published, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.metadata["decisive"]}

    def release_url(self) -> str:
        """What stands before a release's id in its persistent address."""
        return f"{self.base_url.rstrip('/')}/release/"


_FILES = frozenset({"quality_rules", "personal_data", "sanctions"})


def _text(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise GuatecomprasError(f"{variable}: {path} cannot be read: {error}") from error


def yes_or_no(variable: str, text: str) -> bool:
    """Raises GuatecomprasError for what is neither."""
    if text not in ("yes", "no"):
        raise GuatecomprasError(f"{variable}: '{text}' is neither yes nor no")
    return text == "yes"


def _number(variable: str, text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise GuatecomprasError(f"{variable}: '{text}' is not a whole number of at least {least}")
    return int(text)
