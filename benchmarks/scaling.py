"""How time and memory grow with a month: `python -m benchmarks.scaling`. A month of each size, from SQLite through
`guatecompras publish`; writes the numbers to `results/scaling.json` and `.md`, and a picture of them to `scaling.svg`.
"""

import argparse
import json
import math
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.measure import Cost, cost_of, middle
from benchmarks.run import BENCH, MB, dagster_home, python
from benchmarks.svg import Panel, chart

HERE = Path(__file__).parent
SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 60_000)
FULL = (*SIZES, 200_000)
# Below it, what a process needs to start rules over what a concurso needs.
STEADY = 5_000
MONTH = "2026-05"


def main() -> int:
    """Measure the sizes asked for and write what was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"up to {FULL[-1]:,}")
    parser.add_argument("--sizes", type=int, nargs="+", help="these instead")
    parser.add_argument("--runs", type=int, default=1, help="runs of each, of which the median counts")
    parser.add_argument("--out", type=Path, default=HERE, help="where scaling.svg goes, and results/scaling.*")
    asked = parser.parse_args()
    found = {}
    for size in sorted(asked.sizes or (FULL if asked.full else SIZES)):
        found[size] = middle([_published(size) for _ in range(asked.runs)])
        print(f"{size:9,} concursos {found[size].seconds:8.2f} s {found[size].peak / MB:6.0f} MB", flush=True)
    _write(asked.out, found)
    return 0


def _published(size: int) -> Cost:
    """The whole command on a month of a size, into an empty store."""
    folder, store = BENCH / str(size), BENCH / "scaling-store"
    python("benchmarks.data", "source", str(folder), str(size))
    shutil.rmtree(store, ignore_errors=True)
    tool, source = Path(sys.executable).parent / "guatecompras", f"sqlite:///{folder / 'demo.sqlite'}"
    command = [str(tool), "publish", MONTH, "--source", source, "--store", str(store)]
    try:
        return cost_of(command, BENCH / "scaling.log", {"DAGSTER_HOME": str(dagster_home())})
    finally:
        shutil.rmtree(store, ignore_errors=True)


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """b of y = a * x**b by least squares on the logarithms; None for fewer than two points."""
    if len(points) < 2:
        return None
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / across


def _write(out: Path, found: dict[int, Cost]) -> None:
    about = machine.describe()
    steady = {size: cost for size, cost in found.items() if size >= STEADY}
    grown = exponent([(size, cost.seconds) for size, cost in steady.items()])
    worked = exponent([(size, cost.cpu) for size, cost in steady.items()])
    document = {
        "machine": about,
        "sizes": {
            size: {"seconds": cost.seconds, "cpu": cost.cpu, "peak": cost.peak, "seconds_each": cost.seconds / size}
            for size, cost in found.items()
        },
        "exponent": grown,
        "exponent_cpu": worked,
        "exponent_all": exponent([(size, cost.seconds) for size, cost in found.items()]),
    }
    (out / "results").mkdir(parents=True, exist_ok=True)
    (out / "results" / "scaling.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(_markdown(about, found, grown, worked))
    (out / "results" / "scaling.md").write_text(text, encoding="utf-8")
    (out / "scaling.svg").write_text(_picture(about, found, grown), encoding="utf-8")
    print(f"\n{text}\nwritten to {out}/results/scaling.json and .md, and {out}/scaling.svg")


def _markdown(
    about: dict[str, str], found: dict[int, Cost], grown: float | None, worked: float | None
) -> Iterator[str]:
    yield f"# A month of each size, from SQLite to the publication\n\n{machine.sentence(about)}.\n"
    yield "| concursos | seconds | CPU seconds | ms a concurso | peak MB |\n|---:|---:|---:|---:|---:|"
    for size, cost in found.items():
        each = cost.seconds / size * 1000
        yield f"| {size:,} | {cost.seconds:,.2f} | {cost.cpu:,.2f} | {each:.2f} | {cost.peak / MB:,.0f} |"
    yield f"\nSeconds grow with concursos ** {_two(grown)}, CPU seconds ** {_two(worked)} (from {STEADY:,} up); target 1.05."
    largest = max(found)
    if largest > 20_000 and 20_000 in found:
        times = found[largest].peak / found[20_000].peak
        yield f"Memory at {largest:,} is {times:.2f} times that at 20,000; target 1.5 (at 200,000)."
    yield ""


def _two(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}"


def _picture(about: dict[str, str], found: dict[int, Cost], grown: float | None) -> str:
    each = [(float(size), cost.seconds / size * 1000) for size, cost in found.items()]
    memory = [(float(size), cost.peak / MB) for size, cost in found.items()]
    where = f"{about['date']}, {about['cores']} cores, {about['memory']}"
    return chart(
        [
            Panel("Milliseconds a concurso", f"seconds ~ concursos ** {_two(grown)} from {STEADY:,} up", each),
            Panel("Peak memory, MB", where, memory, "{:,.0f}"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
