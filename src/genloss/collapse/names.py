"""What names of columns, runs and metrics are taken to mean, as trackers and people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genloss.meaning import Better

GENERATIONS = (
    *("generation", "generations", "gen", "iteration", "iter", "round", "cycle", "step", "global_step"),
    *("_step", "epoch", "t"),
)
TRAINING = ("step", "global_step", "_step", "epoch")
"""What counts within one training, and is not always a generation of a loop."""
REPLICATES = (
    *("replicate", "replicates", "rep", "seed", "random_seed", "run", "run_id", "run_name", "trial"),
    *("run_uuid", "run id", "run name", "chain", "repeat", "repetition", "fold"),
)
PIECES = ("batch", "minibatch", "batch_idx", "block", "chunk", "shard", "segment", "piece", "window")
"""Pieces of one run, which share its models."""
GROUPS = (
    *("regime", "method", "model", "dataset", "setting", "condition", "arm", "algorithm", "variant"),
    *("experiment", "treatment", "strategy", "scenario", "split", "phase", "group", "config", "task"),
)
METRICS = ("metric", "key", "tag", "measure", "metric_name")
TIMES = (
    *("wall time", "walltime", "wall_time", "timestamp", "time", "_timestamp", "_runtime", "date"),
    *("datetime", "runtime", "elapsed", "created_at"),
)
SIZES = (
    "n",
    "n_real",
    "n_train",
    "n_samples",
    "count",
    "size",
    "lr",
    "learning_rate",
    "batch_size",
    "temperature",
)
"""What is set, and not measured."""

_LOWER = (
    "loss nll bce ce error err perplexity ppl rmse mse mae fid kid kl kld mmd distance dist divergence "
    "regret risk "
    "cost bpc bpb bits surprisal wer cer toxicity hallucination wasserstein brier ece energy"
).split()
_HIGHER = (
    "acc accuracy auc auroc f1 r2 score coverage recall precision bleu rouge reward success likelihood "
    "elbo mauve "
    "fidelity pass exact em iou map ndcg mrr meteor chrf return winrate"
).split()
_SPREAD = (
    "variance var std entropy diversity distinct trace spread unique vocabulary vocab ttr vendi"
).split()
_SHARES = "acc accuracy auc auroc f1 recall precision coverage wer cer iou success".split()
_CENTRES = ("mean", "avg", "average", "median")
_ASIDE = (
    "std stdev stddev sd sem se stderr var variance ci ci95 low high lower upper lo hi min max q05 q25 "
    "q75 q95 "
    "25% 50% 75% count n"
).split()
_ERRORS = ("std", "stdev", "stddev", "sd", "sem", "se", "stderr")
"""Those of them that say nothing else where they stand alone beside one column of values."""
_NO_COUNT = ("rouge", "bleu", "top", "l", "f", "r", "precision", "recall", "hits", "p", "pass", "distinct")
"""Stems whose number is part of the name: rouge1, top5, f1, distinct2."""

_SEPARATOR = r"[ _.:/=#-]*"


class Numbered(NamedTuple):
    """A column's name that ends, or begins, with a number.

    Args:
        column: the name.
        metric: what is left of it: "loss" of "loss_seed_3"; "" of "seed_3" and of "3".
        word: before the number: "seed"; "" where there is none.
        number: itself.
    """

    column: str
    metric: str
    word: str
    number: int


def words(name: str) -> list[str]:
    """The words of a name, in lower case.

    >>> words("eval/valLoss_2"), words("R2")
    (['eval', 'val', 'loss', '2'], ['r2'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [w for w in re.split(r"[^a-z0-9%]+", spaced.lower()) if w]


def numbered(column: str, known: Sequence[str]) -> Numbered | None:
    """A column's name taken apart at its number and at a word that is known; None where it has no number.

    >>> numbered("loss_seed_3", ("seed",)), numbered("run1/loss", ("run",))[1:]
    (Numbered(column='loss_seed_3', metric='loss', word='seed', number=3), ('loss', 'run', 1))
    """
    any_of = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    word = rf"(?:(?<![a-z])(?P<word>{any_of}))"
    last = re.fullmatch(rf"(?i)(?P<metric>.*?){_SEPARATOR}{word}{_SEPARATOR}(?P<number>\d+)", column)
    first = re.fullmatch(rf"(?i){word}{_SEPARATOR}(?P<number>\d+)[ _.:/-]+(?P<metric>[a-z].*)", column)
    bare = re.fullmatch(rf"(?P<metric>.*?){_SEPARATOR}(?P<number>\d+)", column)
    for found in (last, first, bare):
        if found:
            said = found.groupdict()
            number = said["number"]
            return Numbered(column, said["metric"], (said.get("word") or "").lower(), int(number))
    return None


def counts(some: Sequence[Numbered]) -> bool:
    """Whether names without a known word count repetitions: from 0 or 1 on, three of them at least."""
    numbers = [n.number for n in some]
    if not some[0].metric:
        return len(some) > 1
    usual = numbers in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])
    return usual and len(numbers) > 2 and words(some[0].metric)[-1:] not in [[w] for w in _NO_COUNT]


def repetitions(names: Iterable[str]) -> bool:
    """Whether names of runs or files are those of repetitions of one thing.

    They are where they differ in one number alone that counts or stands behind "seed" or the like, or in one
    last letter, or are such as trackers invent.

    >>> repetitions(["run-a", "run-b"]), repetitions(["dandy-sun-4", "wise-sea-7"])
    (True, True)
    >>> repetitions(["ours", "baseline"]), repetitions(["gen_1", "gen_2"])
    (False, False)
    >>> repetitions(["n100", "n1000"]), repetitions(["x/seed_7/log", "x/seed_42/log"])
    (False, True)
    """
    names = [str(n) for n in names]
    if all(re.fullmatch(r"\d+|[0-9a-f]{8,}|(?=.*\d)[a-z0-9]{8}", n) for n in names):  # ids
        return True
    if all(re.fullmatch(r"[a-z]+-[a-z]+-\d+", n) for n in names):  # of W&B
        return True
    if len({re.sub(r"(?<=[ _-])[a-zA-Z]$", "", n) for n in names}) == 1:
        return True
    parts = [re.split(r"(\d+)", n) for n in names]
    if len({len(p) for p in parts}) != 1:
        return False
    differ = [i for i in range(len(parts[0])) if len({p[i] for p in parts}) > 1]
    if len(differ) != 1 or differ[0] % 2 == 0:
        return False
    at = differ[0]
    before = words(parts[0][at - 1])[-1:]
    numbers = sorted(int(p[at]) for p in parts)
    row = numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    return before in [[w] for w in (*REPLICATES, "version", "r", "s")] or (
        row and before not in [["gen"], ["n"]]
    )


def direction(metric: str) -> Better | None:
    """Whether lower or higher values are good, by the last word that says so; None where none does.

    >>> direction("val_loss"), direction("accuracy"), direction("recall_error"), direction("weight")
    ('lower', 'higher', 'lower', None)
    """
    some = words(metric)
    if {"self", "bleu"} <= {*some}:  # of a text with itself: neither
        return None
    if "likelihood" in some and {"negative", "neg"} & {*some}:
        return "lower"
    if "cross" in some and "entropy" in some:
        return "lower"
    found: Better | None = None
    for word in (w if w in _HIGHER else w.rstrip("0123456789") for w in some):
        if word in _LOWER or word.endswith(("loss", "error", "perplexity", "distance")):
            found = "lower"
        elif (word in _HIGHER or word.endswith(("accuracy", "reward"))) and not (
            word == "score" and found == "lower"
        ):
            found = "higher"
    return found


def spread(metric: str) -> bool:
    """Whether a metric is one of variance or diversity."""
    some = words(metric)
    return bool({*some} & {*_SPREAD}) and "cross" not in some and direction(metric) is None


def share(metric: str) -> bool:
    """Whether a metric is one that goes from 0 to 1, or to 100 %."""
    return bool({*words(metric)} & {*_SHARES}) or words(metric)[-2:] == ["error", "rate"]


def errs(metric: str) -> bool:
    """Whether a metric is an error that may be a share of wrong answers as well as a squared one.

    >>> errs("test_error"), errs("error_rate"), errs("mse")
    (True, False, False)
    """
    return words(metric)[-1:] in (["error"], ["err"])


def identifies(column: str) -> bool:
    """Whether a column numbers things, sets them or times them, and measures nothing."""
    name = column.lower().strip()
    return (
        not name
        or name.startswith("unnamed: ")
        or name in (*GENERATIONS, *SIZES, *TIMES, *PIECES)
        or words(name)[-1:] in [[w] for w in ("id", "idx", "index", "uuid", "hash", "seed")]
        or name.endswith(("_per_second", "_flos", "_runtime"))
    )


def aside(columns: Iterable[str]) -> dict[str, str]:
    """Columns that hold the spread, the error or the number of what another column averages, by name.

    >>> aside(["generation", "loss_mean", "loss_std"]), aside(["gen", "acc", "acc_sem"])
    ({'loss_std': 'loss_mean'}, {'acc_sem': 'acc'})
    >>> aside(["generation", "loss", "se"]), aside(["generation", "std"])
    ({'se': 'loss'}, {})
    """
    columns = [*columns]
    centres: dict[tuple[str, ...], str] = {}
    for c in columns:
        centres.setdefault(_stem(c, _CENTRES) or tuple(words(c)) or (c,), c)
        if words(c) and words(c)[0] in _CENTRES and len(words(c)) == 1:
            centres[()] = c
    found: dict[str, str] = {}
    roles = (*GENERATIONS, *REPLICATES, *GROUPS, *METRICS, *_ERRORS)
    others = [c for c in columns if c.lower() not in roles and not identifies(c)]
    if () not in centres and len(others) == 1:
        found = {c: others[0] for c in columns if c.lower() in _ERRORS}
    for c in columns:
        stem = _stem(c, _ASIDE)
        if stem is not None and centres.get(stem, c) != c:
            found[c] = centres[stem]
    return found


def averaged(column: str) -> bool:
    """Whether a column says that it holds an average."""
    return _stem(column, _CENTRES) is not None


def _stem(column: str, of: Sequence[str]) -> tuple[str, ...] | None:
    """The words of a name without the first or last one, where that is one of some."""
    some = words(column)
    if some and some[-1] in of:
        return tuple(some[:-1])
    return tuple(some[1:]) if some and some[0] in of else None
