"""genloss: what models lose, or gain, by training on data that models made.

>>> from genloss import Agent, Experiment, run
>>> from genloss import generators, metrics, real, regimes
>>> exp = Experiment(
...     real=real.Gaussian(dim=2),
...     agents=Agent(generators.Gaussian(), regimes.Replace()),
...     n_real=50, generations=20, replicates=10_000, metrics=[metrics.TraceRatio()],
... )
>>> ratio = run(exp, workers=0).array("TraceRatio")       # (T, A, R)
>>> print(f"{ratio[-1].mean():.2f}, and the law says {(1 - 1 / 50) ** 20:.2f}")
0.67, and the law says 0.67
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

# Names are loaded when first used: `import genloss` and `genloss --help` must not wait for NumPy and
# pydantic.
_HOME = {
    "Agent": "genloss.experiment",
    "Experiment": "genloss.experiment",
    "Study": "genloss.study",
    "Results": "genloss.library",
    "run": "genloss.library",
    "component": "genloss.components",
    "generations": "genloss.loop",
    "GenlossError": "genloss.errors",
}
_ROOMS = (
    "collapse",
    "curators",
    "generators",
    "intervals",
    "laws",
    "metrics",
    "real",
    "regimes",
    "rewards",
    "theory",
    "verifiers",
)

__all__ = [*_HOME, *_ROOMS, "__version__"]

if TYPE_CHECKING:
    from genloss import collapse as collapse
    from genloss import curators as curators
    from genloss import generators as generators
    from genloss import intervals as intervals
    from genloss import laws as laws
    from genloss import metrics as metrics
    from genloss import real as real
    from genloss import regimes as regimes
    from genloss import rewards as rewards
    from genloss import theory as theory
    from genloss import verifiers as verifiers
    from genloss.components import component as component
    from genloss.errors import GenlossError as GenlossError
    from genloss.experiment import Agent as Agent
    from genloss.experiment import Experiment as Experiment
    from genloss.library import Results as Results
    from genloss.library import run as run
    from genloss.loop import generations as generations
    from genloss.study import Study as Study


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _ROOMS:
        return import_module(f"genloss.{name}")
    raise AttributeError(f"module 'genloss' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
