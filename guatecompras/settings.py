"""What a publisher may set about the publication itself: its addresses, its name, its tolerance. No secrets, no machine paths.

Where months are read from and written to is given per run (see `pipelines/`).
"""

from dataclasses import dataclass, field, fields
from os import environ

from guatecompras.errors import GuatecomprasError

OCID_PREFIX = "ocds-xqjsxa"
LICENSE = "https://creativecommons.org/licenses/by/4.0"
SOURCE_ID = "GUATECOMPRAS"
SOURCE_NAME = "Sistema de Información de Contrataciones y Adquisiciones del Estado"
SOURCE_URL = "https://www.guatecompras.gt"
SEGMENT_CRITERIA = ("añoPublicaciónConvocatoria", "mesPublicaciónConvocatoria")


def _setting(default: str, variable: str, meaning: str) -> str:
    return field(default=default, metadata={"variable": variable, "meaning": meaning})


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
    max_rejected_share: str = _setting(
        "0.01",
        "GUATECOMPRAS_MAX_REJECTED",
        "share of a month's concursos that may be rejected before it is not published",
    )

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises GuatecomprasError when a number is not one."""
        given = {
            item.name: environ[item.metadata["variable"]]
            for item in fields(cls)
            if environ.get(item.metadata["variable"])
        }
        settings = cls(**given)
        settings.rejected_share  # noqa: B018  # read it now, so that a bad value is named before any work
        return settings

    @property
    def rejected_share(self) -> float:
        try:
            share = float(self.max_rejected_share)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise GuatecomprasError(
                f"GUATECOMPRAS_MAX_REJECTED is '{self.max_rejected_share}': it must be a number from 0 to 1"
            )
        return share

    def release_url(self) -> str:
        """What stands before a release's id in its persistent address."""
        return f"{self.base_url.rstrip('/')}/release/"
