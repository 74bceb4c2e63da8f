"""What a metric must be by theory, asked with an experiment: plots draw it dashed, tests compare it.

A law here is one function of an experiment. It says under which conditions it holds, sees whether the
experiment meets them exactly, and if so gives values (by a formula of :mod:`genloss.theory`) and source;
bounds and limits are left out. A user's own law is stated in the same way beside their part, or is the part's
own ``law`` method.
"""

from __future__ import annotations

from genloss.experiment import Experiment
from genloss.laws import categorical, gaussian, kde, regression  # noqa: F401  which state what they know
from genloss.laws.stated import STATED, Stated, state
from genloss.meaning import Law
from genloss.traits import LAW

__all__ = ["STATED", "Law", "Stated", "law", "state"]


def law(exp: Experiment, agent: int, metric: str) -> Law | None:
    """The law of a metric of one agent, or None where none is known exactly.

    Args:
        exp: the experiment.
        agent: index of the agent.
        metric: the metric's name in results.

    >>> from genloss import Agent, generators, metrics, real, regimes
    >>> exp = Experiment(
    ...     real=real.Gaussian(dim=2),
    ...     agents=Agent(generators.Gaussian(), regimes.Replace()),
    ...     metrics=(metrics.TraceRatio(),),
    ...     n_real=10,
    ...     generations=3,
    ... )
    >>> found = law(exp, 0, "TraceRatio")
    >>> found.values.round(3).tolist(), found.of
    ([0.9, 0.81, 0.729], 'mean')
    >>> found.where
    'Every generation trains on the newest rows alone, as many as there were real ones.'
    """
    measured, who = exp.metric_names[metric], exp.agents[agent]
    own = LAW.of(measured)
    found = None if own is None else own(exp, agent)
    for part in (who.generator, who.regime, who.curator, exp.real):
        known = LAW.of(part)
        if found is None and known is not None:
            found = known(exp, agent, metric)
    for stated in STATED:
        if found is None and stated.concerns(who.generator, measured, exp.meanings[metric].of):
            found = stated.asked(exp, agent, measured)
    return found
