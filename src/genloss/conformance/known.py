"""What must hold of a law that a model or a source says in closed form: rows follow it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from genloss.conformance import generators, sources
from genloss.conformance.core import Broken, NotApplicable, rule
from genloss.events import Event, event_of
from genloss.samples import Array
from genloss.statistics import Counts, Normal, Symbols, forward
from genloss.streams import fixed
from genloss.traits import KNOWN_LAW

_ROWS = 4000
_MOST = 5.0
"""Standard errors that a mean may be off. Of some twenty means one is, by chance, in 10^5 laws."""

_MEND = "give Normal or Symbols (genloss.statistics) of the law that rows are drawn from, or leave it out"


@rule("known_law", _MEND)
def model(t: generators.Trial) -> None:
    """Samples follow the law that the model says it has, on which KL, Entropy and Wasserstein stand."""
    fitted = t.fit()
    rows = partial(fitted.sample, _ROWS, fixed("conformance.known"))
    _follow(KNOWN_LAW.of(fitted), rows, t.world.event)


@rule("known_law", _MEND)
def source(t: sources.Trial) -> None:
    """Rows follow the law that the source says it has, on which KL, Entropy and Wasserstein stand."""
    _follow(KNOWN_LAW.of(t.real), partial(t.draw, 3, _ROWS, "known"), event_of(t.real))


def _follow(offer: Callable[[], Any] | None, draw: Callable[[], Array], event: Event) -> None:
    """See that rows follow a law.

    Raises:
        Broken: if they do not, or it is no law that is known here.
        NotApplicable: if none is offered, or it lies on a subspace.
    """
    if offer is None:
        raise NotApplicable("no law is said in closed form, which metrics of the model's law would need")
    law = offer()
    wanted = Symbols if event.discrete else Normal
    if not isinstance(law, wanted):
        raise Broken(f"known_law() gave a {type(law).__name__}, where rows are {event.words}")
    off = _of_symbols(law, draw()) if isinstance(law, Symbols) else _of_vectors(law, draw())
    if not off <= _MOST:
        raise Broken(f"{_ROWS} rows are {off:.1f} standard errors from known_law()")


def _of_symbols(law: Symbols, rows: Array) -> float:
    """The largest distance of a frequency from its probability, in standard errors."""
    p = np.broadcast_to(law.probabilities, (len(rows), law.probabilities.shape[1]))
    if not np.allclose(p.sum(axis=1), 1) or (p < 0).any():
        raise Broken(f"the probabilities of known_law() add up to {p.sum(axis=1).round(4).tolist()}")
    found = Counts(p.shape[1])(rows) / rows.shape[1]
    if found[p == 0].any():
        raise Broken("symbols were drawn that have probability 0 in known_law()")
    common = p * rows.shape[1] >= 20  # the means of others are far from normal
    error = np.sqrt(p * (1 - p) / rows.shape[1])[common]
    # where one symbol is all there is, the frequency is exact
    return float((np.abs(found - p)[common] / np.where(error > 0, error, 1)).max(initial=0))


def _of_vectors(law: Normal, rows: Array) -> float:
    """The largest distance of a moment of standardised rows from a normal one's, in standard errors."""
    m, x = law.moments, rows.reshape(*rows.shape[:2], -1)
    if m.root.shape[1] != m.root.shape[2]:
        raise NotApplicable("the law lies on a subspace")
    n, gap = x.shape[1], (x - m.mean[:, None]).mT
    z = forward(np.broadcast_to(m.root, (len(x), *m.root.shape[1:])), gap)
    one = np.eye(z.shape[1])
    off = [
        z.mean(axis=2) * np.sqrt(n),
        (z @ z.mT / n - one) / np.sqrt((1 + one) / n),
        ((z**4).mean(axis=2) - 3) / np.sqrt(96 / n),
    ]
    return max(float(np.abs(some).max()) for some in off)
