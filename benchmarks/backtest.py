"""Forecasts held against what came: python -m benchmarks.backtest [--replicates 20] [--workers 2]

Runs every study that `genloss list` names to generation 100, into a folder that is kept; forecasts generation
100 of every line and metric from the first 10, 20 and 40 generations alone; and writes docs/backtest.md: how
many of the 90 % intervals hold the mean, or the median, that the same replicates had in the end. The same
command again runs only what has changed.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from genloss import Study, run
from genloss.collapse.forecast import Forecast, forecast
from genloss.collapse.trajectory import Trajectory, trajectories
from genloss.study.study import gallery

PAGE = Path(__file__).parents[1] / "docs" / "backtest.md"
KEPT = Path.home() / ".cache" / "genloss" / "backtest"
STARTS = (10, 20, 40)
AT = 100
LEVEL = 0.9
_DIGITS = 1e-9


@dataclass(frozen=True)
class Tried:
    """A forecast and what came."""

    study: str
    start: int
    told: Forecast
    came: float

    @property
    def held(self) -> bool:
        """Whether the interval holds what came, but for the last digits."""
        slack = _DIGITS * abs(self.came)
        return self.told.value.low - slack <= self.came <= self.told.value.high + slack

    @property
    def width(self) -> float:
        """Half the interval's width, in units of what the last value seen errs by."""
        naive = abs(self.came - self.told.seen)
        half = (self.told.value.high - self.told.value.low) / 2
        return half / naive if naive else np.inf if half else 1.0

    @property
    def closer(self) -> bool:
        """Whether the forecast errs no more than the last value seen does."""
        return abs(self.told.value.estimate - self.came) <= abs(self.told.seen - self.came)


def tried(study: str, lines: Iterable[Trajectory]) -> Iterator[Tried]:
    """Forecasts of every line of a study from each start, of the mean and of the typical replicate."""
    for x in lines:
        last = x.values[x.generations == AT][0]
        last = last[~np.isnan(last)]
        with np.errstate(invalid="ignore"):
            came = {"mean": float(last.mean()), "typical": float(np.median(last))}
        for start in STARTS:
            for of in ("mean", "typical"):
                yield Tried(study, start, forecast(x.upto(start), AT, of, level=LEVEL), came[of])


HEAD = "| {0} | forecasts | cannot tell | covered | came above | came below | width | closer |"
RULE = "|---|" + "---:|" * 7


def row(name: str, some: list[Tried]) -> str:
    """A line of a table."""
    told = [t for t in some if t.told.tells]
    cells = [name, str(len(some)), percent(not t.told.tells for t in some)]
    cells += [percent(t.held for t in told), percent(t.came > t.told.value.high and not t.held for t in told)]
    cells += [percent(t.came < t.told.value.low and not t.held for t in told)]
    cells += [f"{median(t.width for t in told):.2g}" if told else "", percent(t.closer for t in told)]
    return "| " + " | ".join(cells) + " |"


def percent(of: Iterable[bool]) -> str:
    """A share in words."""
    found = list(of)
    return f"{100 * np.mean(found):.0f} %" if found else ""


def table(first: str, all_: list[Tried], key: Callable[[Tried], str]) -> str:
    """A table with a row for each group."""
    groups: dict[str, list[Tried]] = defaultdict(list)
    for t in all_:
        groups[key(t)].append(t)
    return "\n".join([HEAD.format(first), RULE, *(row(name, some) for name, some in groups.items())])


def reasons(all_: list[Tried]) -> str:
    """How often which reason is given, without its numbers."""
    counted: dict[str, int] = defaultdict(int)
    for t in all_:
        if not t.told.tells:
            counted[_KINDS[next(k for k in _KINDS if k in t.told.reason)]] += 1
    return "\n".join(f"- {n}: {what}" for what, n in sorted(counted.items(), key=lambda kv: -kv[1]))


_KINDS = {
    "would be": "the interval would be wider than 10 times what replicates had spanned so far",
    "no law": "no law of growth fits at 1 %",
    "every value": "every value is the same",
    "infinite": "values are infinite",
    "leave": "most laws that fit would leave the metric's scale",
    "an end of its scale": "laws that fit reach an end of the metric's scale",
    "are alike": "all replicates are alike",
    "replicate": "too few replicates without gaps",
}


def page(all_: list[Tried], replicates: int) -> str:
    """The page."""
    intro = f"""# Forecasts held against what came

`python -m benchmarks.backtest --replicates {replicates}` made this page. Every study of the gallery was run
to generation {AT} with {replicates} replicates. From the first {", ".join(map(str, STARTS[:-1]))} and
{STARTS[-1]} generations alone, `genloss forecast` was asked for generation {AT}: of every metric of every
line, of the mean and of the typical replicate.

- *Covered* is the share of {100 * LEVEL:.0f} % intervals that hold what the same replicates had in the end.
- *Cannot tell* is the share of forecasts that are refused; these are in no column to its right.
- *Width* is the median of half an interval, in units of what the last value seen errs by.
- *Closer* is the share of forecasts that err no more than the last value seen does.

Lines of one study resemble each other, so shares are less sure than their numbers of forecasts suggest.
"""
    return "\n".join(
        [
            intro,
            table("from", all_, lambda t: f"{t.start} generations"),
            f"{row('all', all_)}\n",
            table("of, from", all_, lambda t: f"{t.told.of}, {t.start}"),
            "\n## By study and metric\n",
            table("study, metric, from", all_, lambda t: f"{t.study}, {t.told.metric}, {t.start}"),
            "\n## Why it cannot tell\n",
            reasons(all_),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--out", type=Path, default=KEPT, help="where the runs are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="the file that is written")
    asked = parser.parse_args()
    all_: list[Tried] = []
    seconds = 0.0
    for name in gallery():
        study = Study.load(name).set("replicates", asked.replicates).set("generations", AT)
        folder = asked.out / f"gallery-{name.replace('/', '-')}"
        results = run(study, out=folder, workers=asked.workers, progress=True)
        began = time.process_time()
        all_ += tried(name, trajectories(results))
        seconds += time.process_time() - began
    asked.page.write_text(page(all_, asked.replicates))
    print(row("all", all_))
    print(f"{len(all_)} forecasts in {seconds:.0f} core-seconds; {asked.page}")


if __name__ == "__main__":
    main()
