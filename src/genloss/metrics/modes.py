"""The modes of the real data: which are left, and what lies between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Gt, Lt

from genloss.components import component
from genloss.meaning import Reference
from genloss.metrics.learners import real_target, target_classes
from genloss.metrics.nearest import kth_nearest
from genloss.metrics.sizes import (
    MOST,
    MOST_PAIRED,
    fewest,
    said_of,
    shared,
    some_features,
    some_holdout,
)
from genloss.observation import Observation
from genloss.samples import Array
from genloss.traits import HOLDOUT_CLASSES, MODE_CENTRES, TARGET, TARGET_INDEX

if TYPE_CHECKING:
    from genloss.experiment import Experiment


def classes_known(real: Any) -> bool:
    """Whether the class of each held-out row is known: by a target of categories, or said beside the rows."""
    if HOLDOUT_CLASSES.of(real) is not None:
        return True
    return not (TARGET_INDEX.of(real) is None and TARGET.of(real) is None) and target_classes(real) > 0


@component
class ModeShare:
    """What published rows have left of the real modes: centres of a mixture, or classes of real rows.

    A row belongs to the mode of the nearest centre, or of the nearest held-out row, whose class is known by
    the target of a table or by what the source says. With p_k the share of held-out rows and q_k that of
    published ones in mode k:

    - "kept" is sum_k min(p_k, q_k): 1 is all modes as they were, 1 / K is one of K equal ones;
    - "lost" is how many modes with p_k > 0 have q_k < below * p_k;
    - "between" is the share of published rows further from the nearest centre (or held-out row) than all but
      1 - quantile of the held-out rows are (each from the others): about 1 - quantile of fresh real rows.

    Args:
        what: "kept", "lost" or "between".
        below: the share of its real share below which a mode is lost.
        quantile: of the real rows' distances, beyond which a row belongs to no mode.

    References:
        Srivastava et al., VEEGAN: reducing mode collapse in GANs using implicit variational learning (2017),
        arXiv:1705.07761, of modes captured and high-quality samples; Lin et al., PacGAN (2018),
        arXiv:1712.04086.
    """

    what: Literal["kept", "lost", "between"] = "kept"
    below: Annotated[float, Gt(0), Lt(1)] = 0.1
    quantile: Annotated[float, Gt(0), Lt(1)] = 0.95
    of: ClassVar = "published"
    reads_holdout: ClassVar = True
    accepts: ClassVar = ("vectors", "table")

    @property
    def scale(self) -> Literal["share", "count"]:
        """Modes are counted."""
        return "count" if self.what == "lost" else "share"

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which way is good."""
        return "higher" if self.what == "kept" else "lower"

    @property
    def tells(self) -> Literal["spread", "modes", "between"]:
        """Of which meaning of collapse."""
        told: dict[str, Literal["spread", "modes", "between"]]
        told = {"kept": "spread", "lost": "modes", "between": "between"}
        return told[self.what]

    def misfit(self, exp: Experiment) -> str:
        """Whether there are modes that are known."""
        name = type(exp.real).__name__
        if MODE_CENTRES.of(exp.real) is None and not classes_known(exp.real):
            return (
                f"the modes of {name} are not known; use a source with mode_centres or holdout_classes, "
                f"or a table whose target has categories"
            )
        return "" if fewest(exp) > 1 else "the nearest row needs two rows of every kind"

    def says(self, exp: Experiment) -> dict[str, Any]:
        """Which modes, and which number."""
        centres = MODE_CENTRES.of(exp.real)
        modes = "modes" if centres is not None else "classes"
        place = "nearest centre" if centres is not None else "nearest held-out row"
        said = said_of(exp, MOST if centres is not None else MOST_PAIRED)
        if self.what == "between":
            about = (
                f"Share of published rows further from the {place} than all but "
                f"{100 * (1 - self.quantile):.3g} % of real rows are."
            )
            return {
                "title": f"Between {modes}",
                "unit": "share of published rows",
                "about": about + said,
                "reference": Reference(1 - self.quantile, "fresh real rows, about"),
            }
        if self.what == "lost":
            about = f"How many {modes} have less than {self.below:g} times their share of real rows."
            return {"title": f"{modes.capitalize()} lost", "unit": modes, "about": about + said}
        about = (
            f"Sum over {modes} of the smaller of their shares of published and of real rows; 1 is all kept."
        )
        return {"title": f"{modes.capitalize()} kept", "unit": "share of real rows", "about": about + said}

    def __call__(self, seen: Observation) -> Array:
        """(R,) shares, or counts."""
        kept, lost, between = seen.once(
            f"modes, {self.below}, {self.quantile}", lambda: _three(seen, self.below, self.quantile)
        )
        return np.asarray({"kept": kept, "lost": lost, "between": between}[self.what])


def _three(seen: Observation, below: float, quantile: float) -> Array:
    """(3, R) mass kept, modes lost, mass between."""
    from scipy.spatial.distance import cdist

    centres = MODE_CENTRES.of(seen.exp.real)
    x, y = some_features(seen, MOST_PAIRED if centres is None else MOST)
    known = _by_class(seen, y, quantile) if centres is None else _by_centre(np.asarray(centres), y, quantile)
    out, at = np.empty((3, len(x))), next(known)
    for r, mine in enumerate(x):
        at = next(known) if r and seen.fresh else at
        far = cdist(mine, at.points)
        q = np.bincount(at.mode[far.argmin(axis=1)], minlength=len(at.share)) / len(mine)
        kept = np.minimum(at.share, q).sum()
        out[:, r] = kept, (q < below * at.share).sum(), (far.min(axis=1) > at.edge).mean()
    return out


class Modes(NamedTuple):
    """The modes as points in the space of features.

    Args:
        points: (m, d); a row belongs to the mode of the nearest.
        mode: (m,) which one that is, from 0.
        share: (K,) of real rows in each mode.
        edge: the distance beyond which a row belongs to none.
    """

    points: Array
    mode: Array
    share: Array
    edge: float


def _by_centre(centres: Array, y: Array, quantile: float) -> Iterator[Modes]:
    """Modes about centres (K, d), from the held-out rows (R, m, d) of each replicate."""
    from scipy.spatial.distance import cdist

    k = len(centres)
    for held in y:
        far = cdist(held, centres)
        share = np.bincount(far.argmin(axis=1), minlength=k) / len(held)
        yield Modes(centres, np.arange(k), share, _edge(far.min(axis=1), quantile))


def _by_class(seen: Observation, y: Array, quantile: float) -> Iterator[Modes]:
    """Modes that are the classes of held-out rows (R, m, d)."""
    classes, k = _classes(seen)
    for held, mode in zip(y, np.broadcast_to(classes, y.shape[:2]), strict=True):
        share = np.bincount(mode, minlength=k) / len(mode)
        yield Modes(held, mode, share, _edge(kth_nearest(held, held, among=True), quantile))


def _edge(far: Array, quantile: float) -> float:
    return float(np.quantile(far, quantile, method="higher"))


def _classes(seen: Observation) -> tuple[Array, int]:
    """(m,) or (R, m) codes of the classes of held-out rows, and how many there are; missing is one too."""
    beside = HOLDOUT_CLASSES.of(seen.exp.real)
    if beside is not None:
        found, codes = np.unique(shared(np.asarray(beside), MOST_PAIRED), return_inverse=True)
        return codes, len(found)
    k = target_classes(seen.exp.real)
    target = some_holdout(seen, MOST_PAIRED)[..., real_target(seen.exp.real)]
    return np.where(np.isnan(target), k, target).astype(int), k + 1
