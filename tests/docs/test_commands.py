"""What the operators' pages tell to type is typed: each page's commands in their order, on a publication of demo months.

Pages for what has gone wrong begin with something published (`_BEFORE`).
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from guatecompras.months import Month
from pipelines.variables import markdown
from resources.settings import PROJECT
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables

DOCS = PROJECT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# What a command reads of the project, and two may change.
_CODE = ("assets", "guatecompras", "pipelines", "portal", "resources", "pyproject.toml", "workspace.yaml")
_SIZE, _MONTHS = 20, 2
_PUBLISHED = "guatecompras publish 2026-01..2026-02"
_BEFORE = {"operators/runbook.md": _PUBLISHED, "operators/recovery.md": _PUBLISHED, "guia.md": _PUBLISHED}


def commands(page: str) -> str:
    """The page's commands as one script; a block that a page repeats, once."""
    found = _BLOCK.findall((DOCS / page).read_text())
    blocks = (re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found)
    return "\n".join(dict.fromkeys(blocks))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the project's code, and a demo source beside it."""
    kept_out = shutil.ignore_patterns("__pycache__", "history", "schedules", "storage", ".telemetry", "*.db*")
    for name in _CODE:
        found = PROJECT / name
        if found.is_dir():
            shutil.copytree(found, tmp_path / name, ignore=kept_out)
        else:
            shutil.copy(found, tmp_path / name)
    write_tables(f"sqlite:///{tmp_path}/demo.sqlite", demo_chunks(Month.parse("2026-01"), _MONTHS, _SIZE, 1))
    return tmp_path


def _environment(place: Path) -> dict[str, str]:
    programs = place / "bin"
    programs.mkdir()
    for name, module in (("guatecompras", "pipelines.cli"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {f"-m {module}" if module else ""} "$@"\n')
        program.chmod(0o755)
    return {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(place),
        "PYTHONPATH": str(place),
        "DAGSTER_HOME": str(place / "pipelines" / "deploy" / "embedded"),
        "GUATECOMPRAS_SOURCE": f"sqlite:///{place}/demo.sqlite",
        "GUATECOMPRAS_STORE": str(place / "store"),
        "GUATECOMPRAS_WORK": str(place / "work"),
    }


# What is on these pages is tested piece by piece elsewhere, too.
_SLOW = frozenset({"operators/operating.md", "operators/recovery.md", "operators/runbook.md"})


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] * (page in _SLOW)) for page in PAGES if commands(page)],
)
def test_the_commands_of_a_page_do_what_it_tells(page: str, place: Path) -> None:
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", f"{_BEFORE.get(page, '')}\n{commands(page)}"],
        cwd=place,
        env=_environment(place),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr


def test_the_table_of_variables_is_that_of_the_code() -> None:
    page = (DOCS / "operators" / "configuration.md").read_text()
    assert page.partition("<!-- made by `guatecompras variables --table` -->\n")[2].strip() == markdown().strip()


def test_every_variable_that_is_read_is_in_the_table() -> None:
    read: set[str] = set()
    for room in ("assets", "guatecompras", "pipelines", "portal", "resources"):
        for path in (PROJECT / room).rglob("*.py"):
            read.update(re.findall(r"\"(GUATECOMPRAS_[A-Z_]*[A-Z])\"", path.read_text()))
    told = set(re.findall(r"`(GUATECOMPRAS_[A-Z_]+)`", markdown()))
    assert read - {f"{name}_FILE" for name in told} <= told


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text()
    targets = [target for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if target]
    assert all(((DOCS / page).parent / target).exists() for target in targets)
