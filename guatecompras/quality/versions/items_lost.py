"""Check: no item that is public is gone from its process."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "items",
    "tender/items/id",
    meaning="Ningún renglón ya público desaparece de su concurso.",
    description="Every item of the public version is in this one, for processes that still are.",
)
