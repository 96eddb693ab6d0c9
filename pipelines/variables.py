"""All variables of the environment, gathered from where each is read, and as the table of the operators' guide.

What one means is said beside the code that reads it (`guatecompras/variables.py` has the form).
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guatecompras import signing
from guatecompras.settings import Settings as Publishing
from guatecompras.stores import objects, s3
from guatecompras.variables import Variable, of_settings
from pipelines import home
from pipelines.machines import variables as machines
from pipelines.watching import conditions, telling
from portal.settings import Settings as Serving
from resources import ckan, settings
from resources.alerts import mail, slack

SET, HIDDEN = "set", "set (hidden)"


@dataclass(frozen=True)
class Room:
    """Variables that go together, and which processes need them."""

    title: str
    needed_by: str
    variables: tuple[Variable, ...]


_PUBLISHES = "whatever runs assets: the command, code servers, workers"
_DAGSTER = "every process of Dagster: webserver, daemon, code servers, workers, the command"

ROOMS = (
    Room("Source and store", f"{_PUBLISHES}; the store also by the portal and the metrics", settings.VARIABLES),
    Room("Object storage", "who reads or writes a store in a bucket", s3.VARIABLES + objects.VARIABLES),
    Room("Dagster's home", _DAGSTER, home.VARIABLES),
    Room("Many machines (Celery)", "webserver, daemon and workers whose home is `deploy/celery`", machines.VARIABLES),
    Room("What is published", _PUBLISHES, of_settings(Publishing) + signing.VARIABLES),
    Room("The portal", "`guatecompras serve`", of_settings(Serving)),
    Room(
        "Alerts",
        "code servers, the daemon, `guatecompras watch`",
        conditions.VARIABLES + telling.VARIABLES + mail.VARIABLES + slack.VARIABLES,
    ),
    Room("The open-data portal (CKAN)", "whatever runs the job `ckan`, `guatecompras ckan`", ckan.VARIABLES),
)


def each() -> Iterator[tuple[Room, Variable]]:
    """Every variable once, in the first room that has it."""
    told: set[str] = set()
    for room in ROOMS:
        for variable in room.variables:
            if variable.name not in told:
                told.add(variable.name)
                yield room, variable


def markdown() -> str:
    """A table for each room."""
    lines: list[str] = []
    shown: Room | None = None
    for room, variable in each():
        if room is not shown:
            lines += ["", f"### {room.title}", "", f"Needed by {room.needed_by}.", "", *_table(_HEADINGS)]
            shown = room
        default = f"`{variable.default}`" if variable.default else ""
        meaning = variable.meaning + (" **Secret.**" if variable.secret else "")
        lines.append(_row((f"`{variable.name}`", default, meaning)))
    return "\n".join(lines[1:]) + "\n"


_HEADINGS = ("variable", "default", "meaning")


def _table(headings: Sequence[str]) -> list[str]:
    return [_row(headings), "|" + "---|" * len(headings)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def given(environment: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """The variables that are set, and to what; of secrets only that they are."""
    for _, variable in each():
        if value := environment.get(variable.name):
            yield variable.name, HIDDEN if variable.secret else value
