"""Check: no contract that is public is gone from its process."""

from guatecompras.quality.loss import lost

CHECK = lost(
    "contracts",
    "contracts/id",
    meaning="Ningún contrato ya público desaparece de su concurso.",
    description="Every contract of the public version is in this one, for processes that still are.",
)
