"""Checking published lines against the profile: fast for the many that are right, exact for the few that are not.

The profile itself is `profile.py`; whether what a line says makes sense is the quality checks' business.

Two validators read the same schema: jsonschema-rs says yes or no (JSON Schema draft 4, so 1.0 is no integer; formats
must be switched on), jsonschema says what and where. Both see what orjson parsed: a key given twice counts with its
last value, an integer beyond 64 bits is a float, and NaN or a number beyond double range is not JSON.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import jsonschema
import jsonschema.validators
import jsonschema_rs
import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.ocds import profile

Kind = Literal["release", "correction", "compiled"]

_SCHEMAS: dict[Kind, Callable[[], profile.Schema]] = {
    "release": profile.release_schema,
    "correction": lambda: profile.release_schema(corrections=True),
    "compiled": profile.compiled_schema,
}
_SHOWN = 60  # characters of a wrong value in a message
_NAMES = {
    dict: "objeto",
    list: "lista",
    str: "texto",
    bool: "lógico",
    int: "entero",
    float: "número",
    type(None): "nulo",
}
_TYPES = {
    "object": "objeto",
    "array": "lista",
    "string": "texto",
    "integer": "entero",
    "number": "número",
    "null": "nulo",
}


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong in a line.

    `path`: where, array positions included (`awards/0/value/amount`; empty: the whole line). `message`: Spanish, one
    line. `keyword`: the schema's rule that is broken, or `json` when the line does not parse.
    """

    path: str
    message: str
    keyword: str


@cache
def _ecma(pattern: str) -> re.Pattern[str]:
    # Python's $ also matches before a last line feed; JSON Schema's does not.
    return re.compile(re.sub(r"\$$", r"\\Z", pattern))


def _pattern(_: object, pattern: str, value: object, __: object) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not _ecma(pattern).search(value):
        yield jsonschema.ValidationError(f"does not match {pattern}")


_Exact = jsonschema.validators.extend(jsonschema.Draft4Validator, {"pattern": _pattern})


def _line(text: str) -> str:
    # Keys and values are whatever was in the document: line breaks and control characters are written out.
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return _line(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _type(rule: str | list[str]) -> str:
    return " o ".join(_TYPES[name] for name in ([rule] if isinstance(rule, str) else rule))


# Rule -> what is wrong, from the wrong value and the rule's own value.
_MESSAGES: dict[str, Callable[[Any, Any], str]] = {
    "type": lambda value, rule: f"es {_NAMES[type(value)]} y debe ser {_type(rule)}: {_shown(value)}",
    "enum": lambda value, rule: f"no está en la lista de códigos: {_shown(value)}",
    "pattern": lambda value, rule: f"no tiene la forma debida: {_shown(value)}",
    "format": lambda value, rule: (
        f"no es una {'fecha' if rule == 'date-time' else 'dirección'} válida: {_shown(value)}"
    ),
    "minimum": lambda value, rule: f"es menor que {rule}: {_shown(value)}",
    "minLength": lambda value, rule: "es un texto vacío",
    "minItems": lambda value, rule: "es una lista vacía",
    "minProperties": lambda value, rule: "es un objeto vacío",
    "uniqueItems": lambda value, rule: "repite elementos iguales",
}


def _faults(error: jsonschema.ValidationError) -> Iterator[Fault]:
    steps = [_line(str(step)) for step in error.absolute_path]
    keyword, value = str(error.validator), error.instance
    if keyword == "required":
        for name in error.validator_value:
            if name not in value:
                yield Fault("/".join([*steps, name]), "falta", keyword)
    elif keyword == "additionalProperties":
        for name in value.keys() - error.schema["properties"].keys():
            yield Fault("/".join([*steps, _line(name)]), "no es un campo del perfil", keyword)
    else:
        yield Fault("/".join(steps), _MESSAGES[keyword](value, error.validator_value), keyword)


class Validator:
    """Checks lines of one kind against the profile. Making one takes some 50 ms; it may be used from any thread."""

    def __init__(self, kind: Kind) -> None:
        """Raises GuatecomprasError when dates and addresses would not be checked (their libraries are missing)."""
        schema = _SCHEMAS[kind]()
        formats = jsonschema.FormatChecker()
        unchecked = [name for name in ("date-time", "uri") if formats.conforms("no", name)]
        if unchecked:
            raise GuatecomprasError(
                f"jsonschema does not check {' and '.join(unchecked)}: install rfc3339-validator and rfc3987"
            )
        self._fast = jsonschema_rs.Draft4Validator(schema, validate_formats=True)
        self._exact = _Exact(schema, format_checker=formats)

    def clear(self, line: bytes | memoryview) -> bool:
        """Whether a JSON document (UTF-8) keeps the profile: exactly when `errors` finds nothing."""
        try:
            return self._fast.is_valid(orjson.loads(line))
        except orjson.JSONDecodeError:
            return False

    def clear_many(self, lines: Sequence[bytes | memoryview]) -> list[bool]:
        """`clear` of each line."""
        clear = self.clear
        return [clear(line) for line in lines]

    def errors(self, line: bytes | memoryview) -> list[Fault]:
        """Everything wrong in a JSON document (UTF-8), each fault once, in order of path."""
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return [Fault("", f"no es JSON: {str(error).splitlines()[0]}", "json")]
        found = {fault for error in self._exact.iter_errors(document) for fault in _faults(error)}
        return sorted(found)
