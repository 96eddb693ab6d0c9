"""Check: texts hold no markup, tabs, line breaks, double spaces, control characters or letters read in a wrong encoding."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import judged, texts
from guatecompras.texts import UNTIDY

_MARKUP = r"</?[A-Za-z][^<>]*>|<!--|&(?:[A-Za-z]{2,8}|#[0-9]{2,5});"
# UTF-8 read as Latin-1 or Windows-1252 (Ã and Â before what is no letter), and what could not be read at all.
_MOJIBAKE = r"Ã[\x{80}-\x{bf}\x{192}\x{2018}-\x{203a}]|Â[\x{80}-\x{bf}]|â€|ï¿½|\x{fffd}"
_COLUMNS = texts()


def _find(month: Month) -> Finding:
    unclean = f"{UNTIDY}|{_MARKUP}|{_MOJIBAKE}"
    return judged(month, ((column, pl.col(column.name).str.contains(unclean)) for column in _COLUMNS))


CHECK = Check(
    id="clean_text",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/records",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="Los textos se leen limpios: sin etiquetas HTML, tabuladores, espacios dobles ni letras mal codificadas.",
    description="Texts hold no markup, stray white space, control characters or mojibake.",
    find=_find,
)
