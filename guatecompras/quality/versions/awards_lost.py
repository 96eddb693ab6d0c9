"""Check: no award that is public is gone from its process."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "awards",
    "awards/id",
    meaning="Ninguna adjudicación ya pública desaparece de su concurso.",
    description="Every award of the public version is in this one, for processes that still are.",
)
