"""Check: no bid that is public is gone from its process."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "bids",
    "bids/details/id",
    meaning="Ninguna oferta ya pública desaparece de su concurso.",
    description="Every bid of the public version is in this one, for processes that still are.",
)
