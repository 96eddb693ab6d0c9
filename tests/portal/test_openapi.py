"""The API does what its OpenAPI document says: cases drawn from it, good ones and bad ones, by schemathesis."""

import os
import re
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

_QUICK, _LONG = 8, 330  # cases of each operation, of each kind
# What is valid by the document and refused all the same, and why: an opaque cursor is only ours, and one of three has to be there.
# And which page is the last one depends on what there is.
_REFUSED = (
    "«cursor»",
    "al menos uno de los tres",
    "la última es la",
    "nada publicado de entonces",
    "va con entidad",
    "posterior a desde",
)
# A form sends its empty fields too: they ask nothing.
_EMPTY = re.compile(r"[?&][^=&]+=(&|$)")


def _conforms(app: FastAPI, cases: int) -> tuple[int, list[str]]:
    schema, count, faults = schemathesis.openapi.from_asgi("/openapi.json", app), 0, []

    def check(case: Any) -> None:
        nonlocal count
        count += 1
        answer = case.call()
        if answer.status_code >= 500:
            faults.append(f"{answer.status_code} {answer.request.url}")
        try:
            case.validate_response(answer)
        except schemathesis.errors.SchemathesisError as error:
            faults.append(f"{answer.request.url}: {error}")
        except BaseExceptionGroup as error:
            refused = answer.status_code == 414 or any(told.encode() in answer.content for told in _REFUSED)
            if not refused and not (answer.status_code == 200 and _EMPTY.search(answer.request.url)):
                faults.append(f"{answer.request.url}: {error.exceptions}")

    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in schemathesis.GenerationMode:
            drawn = settings(
                max_examples=cases,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
                derandomize=cases == _QUICK,
            )

            def run(case: Any) -> None:
                check(case)

            with suppress(Unsatisfiable):  # nothing wrong can be asked of what has no parameters
                drawn(given(case=operation.as_strategy(generation_mode=mode))(run))()
    return count, faults


def test_every_operation_keeps_its_word(app: FastAPI) -> None:
    count, faults = _conforms(app, _QUICK)
    assert faults == []
    assert count > 300


@pytest.mark.slow
def test_twenty_thousand_cases(app: FastAPI) -> None:
    count, faults = _conforms(app, int(os.environ.get("GUATECOMPRAS_CASES", _LONG)))
    assert faults == []
    assert count >= 20_000
