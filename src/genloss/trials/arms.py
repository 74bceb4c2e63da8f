"""Arms: what a learner is given beside the real rows, and how it is set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One way to train: so many synthetic rows, of such weight, with the learner set so.

    Args:
        dose: synthetic rows by real ones; 0 for none.
        weight: of a synthetic row, a real one having 1.
        parity: whether the synthetic rows are those of the rarer classes alone, as many as make all classes
            equally many.
        balanced: whether rows are weighted so that all classes weigh the same.
        setting: which of the learner's settings, see :data:`genloss.trials.learning.SETTINGS`.
        share: of the real training rows that are used.
    """

    dose: float = 0.0
    weight: float = 1.0
    parity: bool = False
    balanced: bool = False
    setting: int = 0
    share: float = 1.0

    @property
    def synthetic(self) -> bool:
        """Whether there are synthetic rows in it."""
        return self.dose > 0 or self.parity

    def said(self, settings: Sequence[str]) -> str:
        """In a few words.

        >>> Arm(2.0, 0.5, setting=1).said(["C=1", "C=10"])
        '2x at weight 0.5, C=10'
        >>> Arm().said(["C=1"])
        'real rows alone'
        """
        found = f"{self.dose:g}x" if self.dose else "equal classes" if self.parity else "real rows alone"
        found += f" at weight {self.weight:g}" if self.weight != 1 else ""
        found += ", class weights" if self.balanced else ""
        found += f", {self.share:g} of them" if self.share != 1 else ""
        return found + (f", {settings[self.setting]}" if self.setting else "")


def of_real_rows(settings: int, shares: Sequence[float], classes: bool, thrifty: bool) -> tuple[Arm, ...]:
    """The arms without synthetic rows: settings, class weights, and fewer real rows for the learning curve.

    Args:
        settings: of the learner.
        shares: of the real rows.
        classes: whether the target is one.
        thrifty: whether only the plain arm is tried in all settings, as of a learner that takes its time.
    """
    some = range(1 if thrifty else settings)
    found = [Arm(setting=s) for s in range(settings)]
    found += [Arm(balanced=True, setting=s) for s in some if classes]
    return (*found, *(Arm(setting=s, share=share) for share in shares for s in some))


def of_source(
    settings: int, doses: Sequence[float], weights: Sequence[float], parity: bool, thrifty: bool
) -> tuple[Arm, ...]:
    """The arms with rows of a source: doses in all settings, weights at doses from 1 on, and equal classes.

    Args:
        settings: of the learner.
        doses: synthetic rows by real ones.
        weights: of a synthetic row, beside 1.
        parity: whether the rarer classes alone are tried.
        thrifty: whether only doses are tried in all settings.
    """
    some = range(1 if thrifty else settings)
    found = [Arm(dose, setting=s) for s in range(settings) for dose in doses]
    found += [
        Arm(dose, w, setting=s)
        for s in some
        for dose in doses
        for w in weights
        # of a quarter of the real weight and more: what is nearly nothing neither helps nor hurts
        if dose * w >= 0.25 and dose >= 1
    ]
    return (*found, *(Arm(parity=True, setting=s) for s in some if parity))
