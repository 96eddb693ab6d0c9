"""What machine and which versions the numbers are of; never its name. Only the standard library."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("polars", "pyarrow", "orjson", "jsonschema-rs", "zlib-ng", "dagster")


def describe() -> dict[str, str]:
    """Date, processor, cores, memory, system, Python, libraries."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def sentence(machine: dict[str, str]) -> str:
    """The same in one line."""
    return (
        f"{machine['date']}; {machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, "
        f"Python {machine['python']}; {machine['libraries']}"
    )
