"""Check: no release that is public is gone from a process that is still there."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "releases",
    "id",
    meaning="Ninguna publicación ya pública desaparece de un proceso que sigue publicado.",
    description="Every release id of the public version is in this one, for processes that still are.",
)
