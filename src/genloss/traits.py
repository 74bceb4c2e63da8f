"""What a part may offer beyond its verb: every such name, its meaning and what holds where it is not there.

A trait is an attribute or a method. Code asks for it here and nowhere else, so that a type checker knows what
it gets; a part whose class has a name that is *nearly* a trait is refused when it is made a component.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from genloss.events import Event
    from genloss.meaning import Better, Law, Reference, Scale, Tells
    from genloss.samples import Array, Statistic
    from genloss.statistics import Moments, Normal, Symbols

T = TypeVar("T")

_KNOWN: dict[str, dict[str, Trait[Any]]] = {}


class Trait(Generic[T]):
    """One name that parts of some slots may have.

    Args:
        slots: of the parts, in a few words: "generators", "metrics", ...
        name: of the attribute or method.
        default: what holds where it is not there; of a method None.
        about: what it says.
    """

    def __init__(self, slots: str, name: str, default: T, about: str) -> None:
        self.name, self.default, self.about = name, default, about
        for slot in slots.split():
            _KNOWN.setdefault(slot, {})[name] = self

    def of(self, part: object) -> T:
        """What a part has of it, or the default."""
        found: T = getattr(part, self.name, self.default)  # the one place that asks
        return found

    def on(self, cls: object) -> bool:
        """Whether a class, or a part, has it."""
        return offers(cls, (self.name,))


def fields(part: Any) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a part, or of its class, by name; none where it is no dataclass."""
    return {f.name: f for f in dataclasses.fields(part)} if dataclasses.is_dataclass(part) else {}


def called(part: Any, brief: bool = False, without: Collection[str] = ()) -> str:
    """A part in words that are the same in every process: a name, or that of a dataclass and its fields.

    Args:
        part: the part, or what one of its fields holds.
        brief: without the fields that have their default.
        without: fields to leave out too.

    >>> called(len), called(dict), called(object()), called(0.5)
    ('len', 'dict', 'object', '0.5')
    """
    if isinstance(part, type):
        return part.__name__
    if not dataclasses.is_dataclass(part):
        known = isinstance(part, (bool, int, float, str, tuple, type(None)))
        return repr(part) if known else part.__name__ if inspect.isroutine(part) else type(part).__name__
    left = ((name, field) for name, field in fields(part).items() if name not in without)
    some = ((name, vars(part)[name], field.default) for name, field in left)
    said = ", ".join(f"{k}={called(v, brief)}" for k, v, usual in some if not brief or v != usual)
    return f"{type(part).__name__}({said})" if said or not brief else type(part).__name__


def traits(slot: str) -> dict[str, Trait[Any]]:
    """The traits of a slot by name: "tasks", "real", "generators", "models", "regimes", "metrics", ...

    >>> sorted(traits("regimes"))
    ['authors', 'law', 'needs_rows', 'of', 'reach', 'reads_total']
    """
    return _KNOWN.get(slot, {})


def known_names() -> set[str]:
    """The names of all traits."""
    return {name for some in _KNOWN.values() for name in some}


def offers(thing: object, names: Iterable[str]) -> bool:
    """Whether a class, or a thing, has one of some traits; a dataclass's fields are not on the class."""
    own = fields(thing)
    return any(name in own or hasattr(thing, name) for name in names)


ALL = float("inf")

# -- real data ---------------------------------------------------------------------------------------

EVENT: Trait[str | Event] = Trait("real", "event", "vectors", "What a row is: an event, or its name.")
SCHEMA: Trait[Any] = Trait(
    "real",
    "schema",
    None,
    "What a row means: a table's columns, or the number of symbols; handed on with rows.",
)
SIZE: Trait[int | None] = Trait(
    "real",
    "size",
    None,
    "Rows that models may train on, where there are finitely many; then ``draw`` takes the first n of one "
    "random "
    "permutation a replicate, so that a longer draw from the same stream begins with the shorter.",
)
REAL_MOMENTS: Trait[Callable[[], tuple[Array, Array]] | None] = Trait(
    "real",
    "moments",
    None,
    "moments(): the law's mean (d,) and covariance (d, d); else the holdout's are used.",
)
FEATURES: Trait[Callable[..., Array] | None] = Trait(
    "real",
    "features",
    None,
    "features(rows, leave_out=None): (..., d) floats in which means and distances make sense; for tables.",
)
PROJECTED: Trait[Callable[[Array, Array], Array] | None] = Trait(
    "real",
    "projected",
    None,
    "projected(rows, directions): (..., n, p) features of rows (..., n, *event) along directions (p, k), "
    "where the k features of many rows are too many to be made.",
)
KNOWN_LAW: Trait[Callable[[], Normal | Symbols] | None] = Trait(
    "real models",
    "known_law",
    None,
    "known_law(): its law, where that is a normal one or one of symbols, whose divergences are known; of "
    "real symbols ``probabilities`` says it.",
)
MODE_CENTRES: Trait[Array | None] = Trait(
    "real", "mode_centres", None, "(K, d) the centres of its modes, in the units of its rows."
)
HOLDOUT_CLASSES: Trait[Array | None] = Trait(
    "real", "holdout_classes", None, "(m,) classes of the held-out rows, where no column of theirs says it."
)
STANDARDISED: Trait[Callable[[Moments], Moments] | None] = Trait(
    "real",
    "standardised",
    None,
    "standardised(moments): the moments of the features of rows with these moments.",
)
REAL_STATISTIC: Trait[Callable[..., Any] | None] = Trait(
    "real",
    "draw_statistic",
    None,
    "draw_statistic(kind, replicates, n, rng): the statistic of the very rows that ``draw`` gives from an "
    "equal "
    "stream, drawn from its exact law without them; or None for kinds it does not know.",
)
REAL_PROBABILITIES: Trait[Array | None] = Trait("real", "probabilities", None, "(K,) of the symbols.")
CATEGORY_SHARES: Trait[Callable[[int], Array] | None] = Trait(
    "real",
    "category_shares",
    None,
    "category_shares(i): (K,) of the codes of a table's column i among all real rows; else the holdout's.",
)
TARGET: Trait[int | None] = Trait("real", "target", None, "Index of the column to be predicted.")
TARGET_INDEX: Trait[int | None] = Trait(
    "real", "target_index", None, "The same, where ``target`` is the column's name."
)
EXCESS_RISK: Trait[Callable[[Any], Array] | None] = Trait(
    "real",
    "excess_risk",
    None,
    "excess_risk(model): (R,) exact test error of a linear model beyond the noise.",
)
CONTENT: Trait[str] = Trait(
    "real", "content", "", "What identifies the data: a run goes on with the same only."
)
TRUE_COEFFICIENTS: Trait[Array | None] = Trait("real", "coefficients", None, "(d,) of the true linear model.")
REMARK: Trait[str] = Trait(
    "real", "remark", "", "A line on what of the data is left out, and what was decided in reading them."
)
IMAGE: Trait[tuple[int, ...] | None] = Trait(
    "real", "image", None, "(height, width), or (height, width, channels), of rows that are images."
)

# -- generators and their models ---------------------------------------------------------------------

MODEL: Trait[Any] = Trait(
    "generators", "model", None, "Class of the fitted model; tells before a run what metrics can ask of it."
)
ACCEPTS: Trait[tuple[str, ...] | None] = Trait(
    "generators metrics", "accepts", None, "Names of the events that it is for; all by default."
)
SUFFICIENT: Trait[Callable[[Any], Statistic | None] | None] = Trait(
    "generators",
    "sufficient",
    None,
    "sufficient(schema): the additive statistic that the fit reads, where it reads nothing else.",
)
LABELS_ORIGIN: Trait[bool] = Trait(
    "generators",
    "labels_origin",
    False,
    "Whether what is published is the first real rows with new labels; no agent can then publish more.",
)
TILE: Trait[int] = Trait(
    "generators", "tile", 64, "Replicates in a tile; 1 where replicates do not share array operations."
)
MAKE: Trait[Any] = Trait("generators", "make", None, "What makes a user's object, or its name.")
WARM_STARTS: Trait[bool] = Trait("generators", "warm_starts", False, "Whether ``fit`` makes use of ``init``.")
NEEDS_TARGET: Trait[bool] = Trait(
    "generators metrics", "needs_target", False, "Whether the rows must have a column to be predicted."
)
LOG_PROB: Trait[Callable[[Array], Array] | None] = Trait(
    "models",
    "log_prob",
    None,
    "log_prob(x): (R, m) log density or probability of rows x, (m, *event) for all replicates or (R, m, "
    "*event).",
)
MOMENTS: Trait[Callable[[], Moments] | None] = Trait(
    "models", "moments", None, "moments(): mean and covariance of the model's law, as moments with n = 1."
)
PROBABILITIES: Trait[Array | None] = Trait("models", "probabilities", None, "(R, K) of the symbols.")
PREDICT: Trait[Callable[[Array], Array] | None] = Trait(
    "models",
    "predict",
    None,
    "predict(x): (R, m) targets of rows x, (m, *event) or (R, m, *event), whose own target is not looked at.",
)
COEFFICIENTS: Trait[Array | None] = Trait(
    "models", "coefficients", None, "(R, p) of a linear prediction, inputs first."
)
DRAW_STATISTIC: Trait[Callable[..., Any] | None] = Trait(
    "models",
    "draw_statistic",
    None,
    "draw_statistic(kind, n, rng): that of n sampled rows, from its exact law.",
)
SAMPLE_KNOWN: Trait[Callable[..., tuple[Array, dict[Any, Any]]] | None] = Trait(
    "models",
    "sample_known",
    None,
    "sample_known(n, rng): the rows that ``sample`` gives, and statistics of them by kind, where the model "
    "knows "
    "these to more digits than can be computed from rows.",
)

# -- regimes and curators ----------------------------------------------------------------------------

REACH: Trait[tuple[float, float]] = Trait(
    "regimes",
    "reach",
    (ALL, ALL),
    "(real, synthetic) generations back that it reads, everything by default; the pool forgets the rest.",
)
NEEDS_ROWS: Trait[bool | str] = Trait(
    "regimes",
    "needs_rows",
    True,
    'Whether it needs rows, or can work on statistics; "subsample": on those that can be thinned exactly.',
)
READS_TOTAL: Trait[bool] = Trait(
    "regimes",
    "reads_total",
    False,
    "True where the training set is always the whole pool, so that a chunk's own statistic can be forgotten.",
)
AUTHORS: Trait[tuple[int | str, ...]] = Trait("regimes", "authors", (), "Whose rows alone it reads.")
INNER: Trait[Any] = Trait("regimes", "of", None, "The regime inside it.")
PUBLISHES_EVERYTHING: Trait[bool] = Trait(
    "curators",
    "publishes_everything",
    False,
    "True where the published rows are the model's samples as they are, so that they may be drawn as a "
    "statistic.",
)

# -- metrics -----------------------------------------------------------------------------------------

TITLE: Trait[str] = Trait("metrics", "title", "", "What to call it; by default its class's name in words.")
UNIT: Trait[str] = Trait("metrics", "unit", "", "Of its axis.")
ABOUT: Trait[str] = Trait(
    "metrics", "about", "", "A sentence for newcomers; by default the docstring's first."
)
BETTER: Trait[Better | None] = Trait(
    "metrics", "better", None, '"lower", "higher", or None where neither is.'
)
SCALE: Trait[Scale] = Trait(
    "metrics",
    "scale",
    "plain",
    'Of its values: "ratio", "nats", "share", "count" or "plain"; chooses intervals.',
)
OF: Trait[str] = Trait(
    "metrics",
    "of",
    "",
    'What it measures: the "model"\'s law, the "published" rows, or the "training" set; by default the rows'
    " where "
    "it looks at rows.",
)
NEEDS: Trait[tuple[str, ...]] = Trait("metrics", "needs", (), "Names of what the model must offer.")
INSTEAD_OF_ROWS: Trait[tuple[str, ...] | None] = Trait(
    "metrics",
    "instead_of_rows",
    None,
    "Names of what a model may offer so that no published rows are needed; () if none ever are.",
)
READS_HOLDOUT: Trait[bool] = Trait(
    "metrics",
    "reads_holdout",
    False,
    "Whether held-out rows enter, on which its intervals are then conditional.",
)
READS_REFERENCE: Trait[bool] = Trait(
    "metrics",
    "reads_reference",
    False,
    "The same where the real mean and covariance enter: the law's, if known.",
)
MISFIT: Trait[Callable[[Any], str] | None] = Trait(
    "metrics",
    "misfit",
    None,
    "misfit(exp): why it does not fit an experiment, and the remedy, in a line; else the empty text.",
)
REFERENCE: Trait[Reference | None] = Trait(
    "metrics",
    "reference",
    None,
    "A value to hold it against, as that of always answering the majority class: drawn dotted.",
)
AT_ZERO: Trait[str] = Trait(
    "metrics", "at_zero", "", 'What is true where it is 0, as "no published row is in them".'
)
TELLS: Trait[Tells] = Trait(
    "metrics",
    "tells",
    "",
    'Which meaning of collapse it tells of: "risk", "spread", "tail", "modes", "between" modes, "support".',
)
SAYS: Trait[Callable[[Any], dict[str, Any]] | None] = Trait(
    "metrics", "says", None, "says(exp): words that depend on the experiment, by the names of these traits."
)
LAW: Trait[Callable[..., Law | None] | None] = Trait(
    "real generators regimes curators metrics",
    "law",
    None,
    "law(exp, agent, metric): what a metric is in expectation, where that is known; of a metric law(exp, "
    "agent).",
)

# -- tasks -------------------------------------------------------------------------------------------

SEED: Trait[int] = Trait("tasks", "seed", 0, "Of all randomness.")
HEADING: Trait[str] = Trait("tasks", "title", "", "What to call it.")
GROWS: Trait[str] = Trait(
    "tasks",
    "grows",
    "",
    "The field of which a smaller value gives the first records of a larger one, and nothing else: a longer "
    "result is then read as far as is wanted.",
)
WORDS: Trait[tuple[str, ...]] = Trait(
    "tasks agents real", "words", (), "Fields that name things, or say where they are, and change no value."
)
LINES: Trait[Sequence[Mapping[str, str]] | None] = Trait(
    "tasks",
    "lines",
    None,
    "What tells apart the lines of a plot, each a place along all axes but the first, in words by field; by "
    "default the labels of those axes.",
)
SETUP: Trait[Callable[[set[str]], str] | None] = Trait(
    "tasks", "setup", None, "setup(varied): what was run, in a line, without the fields that vary."
)
METRIC_NAMES: Trait[Mapping[str, Any] | None] = Trait(
    "tasks", "metric_names", None, "The metrics by name, where there are such objects to ask results for."
)
EVENT_SHAPE: Trait[tuple[int, ...] | None] = Trait(
    "tasks", "event_shape", None, "Of a row in a picture; by default rows are flat."
)

# -- statistics and parts that look up ---------------------------------------------------------------

SUBSAMPLE: Trait[Callable[..., Any] | None] = Trait(
    "statistics", "subsample", None, "subsample(...): the statistic of rows drawn without replacement."
)
NUMBERS: Trait[int | None] = Trait(
    "statistics", "numbers", None, "How many numbers a value holds a replicate."
)
