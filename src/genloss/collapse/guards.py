"""What can be wrong with the replicates of a metric: pieces of one run, copies, early ends, freezing."""

from __future__ import annotations

import numpy as np

from genloss.collapse.opening import Say
from genloss.errors import DataError
from genloss.samples import Array
from genloss.wording import are, have, several

_JOINTS = {2: 0.3, 3: 0.4, 4: 0.5}
"""By half the number of replicates: how near each begins to where the one before ends, over the distance of
any two. Of 20,000 simulated sets of independent runs at most 1.2 % (of four) and 1 % (of more) are."""
_FROZEN = 0.05
"""Share of the generations over which a value that stands still is no accident; three of them at least."""


def no_pieces(source: str, t: Array, x: Array, who: Array) -> None:
    """Refuse replicates that are pieces of one run.

    They are where hardly a generation has two of them, or where each begins where the one before ends.

    Args:
        source: what to call the table.
        t: (T,) generations.
        x: (T, R) values, NaN where there is none.
        who: (R,) names of the replicates, in the order of the table.

    Raises:
        DataError: if they are.
    """
    there = ~np.isnan(x)
    if x.shape[1] < 2 or len(t) < 3:
        return
    remedy = (
        "pieces of a run are no replicates; leave the column out, or name the one that tells independent "
        "runs apart: --replicate COL"
    )
    if (there.sum(axis=1) > 1).mean() < 0.1:
        raise DataError(
            f"{source}: replicates have no generations in common: they are blocks of one run; {remedy}"
        )
    first, last = x[0], x[-1]
    if x.shape[1] < 4 or not (np.isfinite(first) & np.isfinite(last)).all():
        return
    two = ~np.eye(len(first), dtype=bool)
    joint = np.abs(first[1:] - last[:-1]).mean()
    any_two = np.abs(first[:, None] - last[None, :])[two].mean()
    apart = np.abs(first[:, None] - first[None, :])[two].mean()
    bound = _JOINTS[min(x.shape[1], 8) // 2]
    if joint < bound * any_two and joint < (bound + 0.1) * apart:
        raise DataError(
            f"{source}: each replicate begins where the one before ends, as '{who[1]}' where '{who[0]}' "
            f"does: they are blocks of one run; {remedy}"
        )


def complete(t: Array, x: Array, say: Say) -> tuple[Array, Array, Array]:
    """The generations and replicates with which most values are kept, none of them missing.

    Replicates that lack a value are left out. Where that would be most of them, as of values that are missing
    here and there, generations are, if half of them stay and the first one does.

    Args:
        t: (T,) generations.
        x: (T, R) values, NaN where there is none.
        say: takes what was left out.

    Returns:
        Generations, values, and (R,) which replicates are kept.
    """
    there = ~np.isnan(x)
    if there.all():
        return t, x, np.ones(x.shape[1], bool)
    ends = np.where(there.any(axis=0), len(t) - np.argmax(there[::-1], axis=0), 0)
    # a generation that most lack is left out first
    rows = there.mean(axis=1) > 0.5 * there.mean(axis=1).max()
    best, size = (np.ones(len(t), bool), np.zeros(x.shape[1], bool)), 0
    for end in np.unique(ends):
        kept = rows & (np.arange(len(t)) < end)
        whole = there[kept].all(axis=0)
        if kept.sum() * whole.sum() > size:
            best, size = (kept, whole), int(kept.sum() * whole.sum())
    kept, whole = best
    if not size:
        whole = there.sum(axis=0) == there.sum(axis=0).max()
        whole &= np.cumsum(whole) == 1
        kept = there[:, whole].all(axis=1)
    least, most = int(there.sum(axis=0).min()), int(there.sum(axis=0).max())
    had = f"{least} to {most}" if least < most else f"{least}"
    ones = int(whole.sum())
    every = np.asarray(there.all(axis=1))
    if 2 * ones < x.shape[1] and every[0] and 2 * every.sum() >= len(t):
        less = several(int((~every).sum()), "generation")
        say(
            f"{less} of {len(t)} in which a replicate has no value left out, {t[~every][0]:g} first: "
            f"only {ones} of {x.shape[1]} replicates have all"
        )
        return t[every], x[every], np.ones(x.shape[1], bool)
    gone = "those left out" if ones < x.shape[1] else "those that end before others"
    say(
        f"replicates have {had} of {len(t)} generations: used {are(ones)} the {ones} of "
        f"{x.shape[1]} that {have(ones)} all of {int(kept.sum())}, up to generation "
        f"{t[kept][-1]:g}; {gone} may be the ones that failed"
    )
    return t[kept], x[np.ix_(kept, whole)], whole


def no_copies(x: Array, say: Say) -> Array:
    """(R,) which replicates are no copy of another, to the last digit in every generation."""
    _, first = np.unique(x, axis=1, return_index=True)
    kept = np.zeros(x.shape[1], bool)
    kept[first] = True
    copies = x.shape[1] - len(first)
    if (
        not copies or len(x) < 2 or (x == x[:1]).all(axis=0)[~kept].all()
    ):  # standing still, several may be alike
        return np.ones(x.shape[1], bool)
    say(
        f"{copies} of {x.shape[1]} replicates {are(copies)} to the last digit a copy of another in every "
        "generation; left out"
    )
    return kept


def thawed(t: Array, x: Array, who: Array, say: Say) -> tuple[Array, Array]:
    """What is left where values freeze, to the last digit: frozen is not stable.

    Replicates that stop at one generation together were stopped: what follows is left out. Those that stop
    one after the other may have been absorbed, and are kept.

    Args:
        t: (T,) generations.
        x: (T, R) values.
        who: (R,) names of the replicates.
        say: takes what was found.
    """
    moves = x[1:] != x[:-1]
    if not len(moves) or not moves.any():
        return t, x
    moved = moves.any(axis=0)
    dead = ~moved & ~np.isin(x[0], x[:, moved])
    if dead.any():
        first = int(np.argmax(dead))
        say(
            f"{int(dead.sum())} of {x.shape[1]} replicates never move from a value that no other has, as "
            f"'{who[first]}' from {x[0, first]:g}: frozen is not stable; left out"
        )
        return thawed(t, x[:, ~dead], who[~dead], say)
    ends = np.where(moved, len(moves) - np.argmax(moves[::-1], axis=0), 0)
    still = (len(x) - 1 - ends >= max(3, _FROZEN * len(x))) & np.isfinite(x[-1])
    if not still.any():
        return t, x
    frozen = still & moved
    last = int(ends[frozen].max()) if frozen.any() else 0
    together = len(np.unique(ends[frozen])) == 1
    if frozen.any() and (frozen | ~moved).all() and together:
        say(
            f"from generation {t[last]:g} on nothing changes, to the last digit: a pipeline that stopped, "
            "or a state that cannot be left, but no stability; "
            f"{several(len(x) - 1 - last, 'generation')} left out"
        )
        return t[: last + 1], x[: last + 1]
    if (frozen | ~moved).all():
        say(
            f"from generation {t[last]:g} on no replicate moves any more, to the last digit: absorbed one by "
            "one"
        )
        return t, x
    count = int(frozen.sum())
    if count > 1 and together:
        say(
            f"{count} of {x.shape[1]} replicates stop at generation {t[last]:g}, all at once and to the "
            "last digit: runs that were stopped; left out"
        )
        return t, x[:, ~frozen]
    if count:
        first = int(np.argmax(frozen))
        say(
            f"{several(count, 'replicate')} of {x.shape[1]} {'stands' if count == 1 else 'stand'} still to "
            "the last "
            f"digit, '{who[first]}' from generation {t[ends[first]]:g} on: absorbed, or stopped; kept, so "
            "leave out those that were stopped"
        )
    return t, x


def counted(source: str, t: Array, say: Say) -> Array:
    """Generations from 1 on, with what is to be known of them."""
    if t[0] == 0:
        say("generations start at 0: they are counted from 1 on, so that 0 is generation 1")
        t = t + 1
    elif t[0] > 1:
        say(f"generations start at {t[0]:g}: changes are those from there on, and not from the first model")
    if t[-1] > 2**31:
        raise DataError(
            f"{source}: generation {t[-1]:g} is no count of generations; name another: --generation COL"
        )
    steps = np.diff(t)
    if len(steps) and steps.max() > 1:
        if (steps == steps[0]).all():
            say(f"every {steps[0]:g}th generation is there; rates are for each generation")
        else:
            say(
                f"{several(int((steps > steps.min()).sum()), 'gap')} between generations, the longest of "
                f"{steps.max():g}"
            )
    return t
