"""What FastAPI finds wrong with a request's parameters, in Spanish: one table, by pydantic's kinds of errors."""

from collections.abc import Iterable, Mapping
from typing import Any

from portal.http.errors import RefusedError

# Kind of error -> what is said after the parameter's name; in braces what the error tells of itself.
_REASONS = {
    "missing": "es obligatorio",
    "int_parsing": "debe ser un número entero",
    "int_type": "debe ser un número entero",
    "int_from_float": "debe ser un número entero",
    "int_parsing_size": "es un número demasiado grande",
    "float_parsing": "debe ser un número",
    "float_type": "debe ser un número",
    "finite_number": "debe ser un número finito",
    "decimal_parsing": "debe ser un número",
    "bool_parsing": "debe ser true o false",
    "bool_type": "debe ser true o false",
    "date_parsing": "debe ser una fecha AAAA-MM-DD",
    "date_type": "debe ser una fecha AAAA-MM-DD",
    "date_from_datetime_parsing": "debe ser una fecha AAAA-MM-DD",
    "date_from_datetime_inexact": "debe ser una fecha AAAA-MM-DD, sin hora",
    "datetime_parsing": "debe ser una fecha con hora, como 2026-05-01T00:00:00-06:00",
    "datetime_type": "debe ser una fecha con hora, como 2026-05-01T00:00:00-06:00",
    "datetime_from_date_parsing": "debe ser una fecha con hora, como 2026-05-01T00:00:00-06:00",
    "timezone_aware": "debe llevar la zona horaria, como -06:00",
    "greater_than": "debe ser mayor que {gt}",
    "greater_than_equal": "debe ser {ge} o mayor",
    "less_than": "debe ser menor que {lt}",
    "less_than_equal": "debe ser {le} o menor",
    "multiple_of": "debe ser múltiplo de {multiple_of}",
    "string_too_short": "debe tener al menos {min_length} caracteres",
    "string_too_long": "debe tener {max_length} caracteres como máximo",
    "string_pattern_mismatch": "no tiene la forma esperada",
    "string_unicode": "no es texto en UTF-8",
    "enum": "debe ser uno de estos: {expected}",
    "literal_error": "debe ser uno de estos: {expected}",
    "too_long": "admite {max_length} valores como máximo",
    "too_short": "necesita {min_length} valores como mínimo",
    "extra_forbidden": "no existe",
    "value_error": "{error}",  # one of ours: it is said in Spanish where it is raised
}
_OTHER = "no es un valor válido"


def refused(errors: Iterable[Mapping[str, Any]]) -> RefusedError:
    """400 that says which parameters, and why."""
    told: dict[str, str] = {}
    for error in errors:
        name = next((str(part) for part in reversed(error["loc"]) if isinstance(part, str)), "")
        told.setdefault(name, _reason(error))
    return RefusedError(400, parameters=told)


def _reason(error: Mapping[str, Any]) -> str:
    known = _REASONS.get(error["type"], _OTHER)
    context = {key: _spanish(value) for key, value in (error.get("ctx") or {}).items()}
    try:
        return known.format_map(context)
    except KeyError:
        return _OTHER


def _spanish(value: Any) -> str:
    """What an error tells: numbers without a needless .0, and «or» between values as «o»."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace(" or ", " o ")
