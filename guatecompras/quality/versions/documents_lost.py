"""Check: no document that is public is gone from its process."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "documents",
    "tender/documents/id",
    meaning="Ningún documento ya público desaparece de su concurso.",
    description="Every tender document of the public version is in this one, for processes that still are.",
)
