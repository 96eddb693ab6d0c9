"""The image's Dockerfile, read and not built: no container engine is here. None of these rules would be kept by a build itself."""

import re
import shlex
from pathlib import Path

import pytest

from resources.settings import PROJECT

DOCKERFILE = PROJECT / "pipelines" / "deploy" / "container" / "Dockerfile"
LOCK = "requirements-cluster.lock"
# What runs need and what an image has no use for.
NEEDED = ("assets", "guatecompras", "pipelines", "portal", "resources", "pyproject.toml", "workspace.yaml", LOCK)
SECRET = re.compile("SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)

Instruction = tuple[str, str]


def _instructions(text: str) -> list[Instruction]:
    """(name, the rest), with continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = []
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.strip().partition(" ")
        found.append((name.upper(), rest.strip()))
    return found


@pytest.fixture(scope="module")
def instructions() -> list[Instruction]:
    return _instructions(DOCKERFILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def last_stage(instructions: list[Instruction]) -> list[Instruction]:
    first = max(n for n, (name, _) in enumerate(instructions) if name == "FROM")
    return instructions[first:]


def _all(instructions: list[Instruction], wanted: str) -> list[str]:
    return [rest for name, rest in instructions if name == wanted]


def test_both_stages_stand_on_the_same_slim_python(instructions: list[Instruction]) -> None:
    bases = {rest.split()[0] for rest in _all(instructions, "FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.1[1-9]-slim-[a-z]+", bases.pop())


def test_the_packages_are_those_of_the_lock_and_their_hashes_are_asked_for(instructions: list[Instruction]) -> None:
    installs = [part for rest in _all(instructions, "RUN") for part in rest.split("&&") if "pip install" in part]
    locked, ours = installs
    assert {"--require-hashes", "-r", LOCK} <= set(shlex.split(locked))
    assert {"--no-deps", "--no-build-isolation"} <= set(shlex.split(ours))


def test_what_is_copied_is_there_and_is_sent_to_the_build(instructions: list[Instruction]) -> None:
    sources = {
        source for rest in _all(instructions, "COPY") if not rest.startswith("--from") for source in rest.split()[:-1]
    }
    assert sources >= set(NEEDED)
    sent = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in sources:
        assert (PROJECT / source).exists(), source
        assert source in sent, source
    assert not _all(instructions, "ADD")


def test_nothing_secret_is_in_the_image(instructions: list[Instruction]) -> None:
    names = [pair.partition("=")[0] for rest in _all(instructions, "ENV") for pair in shlex.split(rest)]
    assert names
    assert not [name for name in names if SECRET.search(name)]
    assert not _all(instructions, "ARG")
    # Neither the repository's history nor anybody's data is sent to the build: all is left out but what is named.
    assert (PROJECT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_it_runs_as_nobody_in_particular_and_not_as_root(last_stage: list[Instruction]) -> None:
    names = [name for name, _ in last_stage]
    assert names.count("USER") == 1
    assert _all(last_stage, "USER") == ["10001:10001"]
    # Nothing is done any more after that which root would have to do.
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in {"RUN", "COPY"})
    assert names.index("USER") < names.index("CMD")


def test_its_health_is_the_portals(last_stage: list[Instruction]) -> None:
    (command,) = _all(last_stage, "CMD")
    assert command.startswith('["guatecompras", "serve"')
    (port,) = _all(last_stage, "EXPOSE")
    (check,) = _all(last_stage, "HEALTHCHECK")
    assert f":{port}/" in check
    assert f'"{port}"' in command


def test_the_folders_it_writes_to_are_made_for_it(last_stage: list[Instruction]) -> None:
    variables = dict(pair.split("=", 1) for rest in _all(last_stage, "ENV") for pair in shlex.split(rest))
    (made,) = [rest for rest in _all(last_stage, "RUN") if "install -d -o 10001" in rest]
    for name in ("DAGSTER_HOME", "GUATECOMPRAS_WORK"):
        assert variables[name] in made.split()
    # Code is where it is on other machines, too: runs name where they were defined.
    assert variables["PATH"].startswith("/opt/guatecompras/.venv/bin:")
    assert _all(last_stage, "WORKDIR") == ["/opt/guatecompras"]
    assert Path(variables["HOME"]) == Path("/tmp")
