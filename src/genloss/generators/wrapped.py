"""A user's own generator: any object with ``fit(rows)`` and ``sample(n)``, one fitted copy a replicate."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from genloss.components import component
from genloss.errors import FitError, GeneratorError, said_by
from genloss.extend import folder_kept, load
from genloss.protocols import Model
from genloss.samples import Array, Samples, each_replicate
from genloss.streams import Rng
from genloss.tables import Schema
from genloss.wording import several, these


@dataclass(frozen=True, eq=False)
class WrappedModel:
    """The user's fitted objects, one a replicate.

    Args:
        objects: R of them.
        schema: of the table, or None for arrays.
        event: shape of a row.
        name: what to call them in an error.
        dtype: of the rows it gives: whole numbers where they are symbols.
    """

    objects: tuple[Any, ...]
    schema: Any
    event: tuple[int, ...]
    name: str
    dtype: Any

    def sample(self, n: int, rng: Rng) -> Array:
        """(R, n, *event) rows, each object's own, checked.

        Raises:
            GeneratorError: if an object raises, or returns another shape, NaN or infinity.
        """
        return np.stack([self._checked(self._drawn(o, n), n) for o in self.objects])

    def gives_labels(self, n: int) -> bool:
        """Whether the objects sample n rows with labels."""
        return self._is_labelled(self._sampled(self.objects[0], n), n)

    def _drawn(self, one: Any, n: int) -> Any:
        """What an object's sample gives, without the labels that scikit-learn's mixtures give with it."""
        found = self._sampled(one, n)
        return found[0] if self._is_labelled(found, n) else found

    def _sampled(self, one: Any, n: int) -> Any:
        return self._ask("sample", _given(one.sample, _NUMBER), n)

    def _is_labelled(self, found: Any, n: int) -> bool:
        """Whether it is a pair of n rows and their labels."""
        if not (isinstance(found, tuple) and len(found) == 2):
            return False
        try:
            rows, labels = (np.ndim(part) for part in found)
            return rows == 1 + len(self.event) and labels == 1 and len(found[0]) == len(found[1]) == n
        except (TypeError, ValueError):  # ragged lists have no number of axes
            return False

    def log_prob(self, x: Array) -> Array:
        """(R, m) log densities at x, (m, *event) or (R, m, *event).

        The objects are asked by ``log_prob(rows)`` or, as in scikit-learn, ``score_samples(rows)``.

        Raises:
            FitError: if they have neither.
        """
        verb = next((v for v in ("log_prob", "score_samples") if hasattr(self.objects[0], v)), None)
        if verb is None:
            raise FitError(f"{self.name} has neither log_prob nor score_samples; leave HoldoutNLL out")
        sets = each_replicate(x, self.event, len(self.objects))
        return np.stack([self._densities(verb, o, rows) for o, rows in zip(self.objects, sets, strict=True)])

    def _densities(self, verb: str, one: Any, x: Array) -> Array:
        given = self.schema.decode(x) if isinstance(self.schema, Schema) else x
        found = self._ask(verb, getattr(one, verb), given)
        try:
            out = np.asarray(found, dtype=float)
        except (TypeError, ValueError):
            out = np.empty(0)
        if out.shape != x.shape[:1]:
            raise GeneratorError(
                f"{self.name}: {verb} of {several(len(x), 'row')} returned "
                f"{type(found).__name__} of shape {np.shape(found)}; return one number a row"
            )
        return out

    def _ask(self, verb: str, call: Callable[[Any], Any], argument: Any) -> Any:
        try:
            with folder_kept():  # references and paths that come later are from there
                return call(argument)
        except (Exception, SystemExit) as error:
            raise GeneratorError(
                f"{self.name}: {verb} raised {type(error).__name__}: {said_by(error)}"
            ) from error

    def _checked(self, rows: Any, n: int) -> Array:
        if isinstance(self.schema, Schema):
            return self._checked_table(rows, n)
        try:
            x = np.asarray(rows, dtype=self.dtype)
        except Exception as error:  # tensors have errors of their own
            raise GeneratorError(
                f"{self.name}: sample({n}) returned {type(rows).__name__}, which is no array of numbers "
                f"({said_by(error)}); return an array of shape {(n, *self.event)}"
            ) from None
        if x.shape != (n, *self.event):
            raise GeneratorError(
                f"{self.name}: sample({n}) returned shape {x.shape}; "
                f"return an array of shape {(n, *self.event)}"
            )
        bad = int(x.size - np.isfinite(x).sum())
        if bad:
            raise GeneratorError(
                f"{self.name}: sample({n}) returned {these(bad, 'value', 'that')} NaN or infinite"
            )
        if isinstance(self.schema, int):
            self._check_symbols(rows, n)
        return x

    def _check_symbols(self, rows: Any, n: int) -> None:
        given = np.asarray(rows)
        odd = given[(given != np.floor(given)) | (given < 0) | (given >= self.schema)]
        if odd.size:
            raise GeneratorError(
                f"{self.name}: sample({n}) returned {odd.flat[0]}, which is no symbol; "
                f"return whole numbers from 0 to {self.schema - 1}"
            )

    def _checked_table(self, rows: Any, n: int) -> Array:
        import pandas as pd

        from genloss.errors import DataError

        if not isinstance(rows, pd.DataFrame):
            try:
                rows = pd.DataFrame(rows, columns=list(self.schema.names))
            except Exception:  # tensors have errors of their own
                raise GeneratorError(
                    f"{self.name}: sample({n}) returned {type(rows).__name__}; "
                    f"return a DataFrame with the columns {', '.join(self.schema.names)}"
                ) from None
        if len(rows) != n:
            raise GeneratorError(f"{self.name}: sample({n}) returned {several(len(rows), 'row')}; return {n}")
        try:
            x: Array = self.schema.encode(rows)
        except DataError as error:
            raise GeneratorError(
                f"{self.name}: sample({n}) returned a table that does not fit: {error}"
            ) from None
        lost = np.isnan(x).any(axis=0)
        for column, has_lost in zip(self.schema.columns, np.atleast_1d(lost), strict=True):
            if has_lost and not column.missing:
                raise GeneratorError(
                    f"{self.name}: sample({n}) returned missing values (NaN) in column '{column.name}', "
                    f"which has none in the real table"
                )
        return x


@component
class Wrapped:
    """Any object with ``fit(rows)`` and ``sample(n)``, one made and fitted for each replicate and generation.

    With ``Agent(warm_start=True)`` the object of one generation is fitted again in the next. ``rows`` is an
    array (n, *event), or a pandas DataFrame where the real data is a table; ``sample`` gives the same.
    ``fit`` may return the fitted object, as scikit-learn's do, or None; it is given the rows alone, so that
    ``fit(X, y=None)`` will do. ``sample`` is given n in its first place, whatever it is called there, or by
    name where it takes its one argument by name only, as in ``sample(*, num_rows)``. Of a pair (rows,
    labels), as scikit-learn's mixtures give, the rows are taken. ``make`` is given the seed by name where it
    has a ``seed`` or a ``random_state``, as scikit-learn's classes do. ``make(seed)`` must draw all its
    randomness from the seed, for the run to be repeatable. ``genloss check`` says how an object is called.

    Args:
        make: ``make(seed)`` gives a fresh unfitted object: a function or class, or in a spec "mine.py:make".

    >>> from genloss import Agent, Experiment, run
    >>> from genloss.generators import Wrapped
    >>> from genloss.metrics import TraceRatio
    >>> from genloss.real import Gaussian
    >>> import numpy as np
    >>> class Bootstrap:
    ...     def __init__(self, seed):
    ...         self.rng = np.random.Generator(np.random.PCG64(seed))
    ...     def fit(self, rows):
    ...         self.rows = rows
    ...     def sample(self, n):
    ...         return self.rows[self.rng.integers(len(self.rows), size=n)]
    >>> exp = Experiment(real=Gaussian(dim=2), agents=Agent(generator=Wrapped(make=Bootstrap)), n_real=50,
    ...                  generations=3, replicates=4, metrics=(TraceRatio(of="published"),))
    >>> run(exp, workers=0).array("TraceRatio").shape
    (3, 1, 4)
    """

    make: str | Callable[[int], Any]
    model: ClassVar = WrappedModel
    # nothing is shared between replicates: small tiles spread over more workers, and lose less when one fails
    tile: ClassVar = 1
    warm_starts: ClassVar = True

    def fit(self, train: Samples, rng: Rng, init: Model | None = None) -> WrappedModel:
        """Fit one object a replicate; warm-started, copies of the previous generation's are fitted again.

        Raises:
            FitError: for weighted rows, which ``fit(rows)`` cannot be told of.
            GeneratorError: if make or fit raises, or the object lacks a method or cannot be copied.
        """
        if train.row_weights is not None:
            raise FitError("Wrapped: fit(rows) takes no weights; use a regime without weights")
        rows = train.rows
        name = (
            self.make if isinstance(self.make, str) else getattr(self.make, "__qualname__", repr(self.make))
        )
        seeds = [int(s) for s in rng.integers(2**31, size=len(rows))]
        if isinstance(init, WrappedModel):  # the earlier state keeps its own
            objects = [_copied(name, made) for made in init.objects]
        else:
            objects = [self._made(name, seed) for seed in seeds]
        # whole-number measurements are no symbols: a model of them may give what lies between
        dtype = rows.dtype if isinstance(train.schema, int) else np.result_type(rows.dtype, float)
        model = WrappedModel(tuple(objects), train.schema, rows.shape[2:], name, dtype)
        fitted = []
        for made, x in zip(objects, rows, strict=True):
            given = train.schema.decode(x) if isinstance(train.schema, Schema) else x.copy()
            answer = model._ask("fit", _given(made.fit, _ROWS), given)
            fitted.append(answer if hasattr(answer, "sample") else made)
        return replace(model, objects=tuple(fitted))

    def adapted(self, model: WrappedModel, n: int) -> list[str]:
        """How make and its objects are called, and what is taken of n rows, where it is not the usual."""
        one = model.objects[0]
        called = (
            ("make", _keyword(self._maker, _SEED, first=True)),
            ("fit", _keyword(one.fit, _ROWS)),
            ("sample", _keyword(one.sample, _NUMBER)),
        )
        said = [f"{verb} is called by name, {verb}({name}=...)" for verb, name in called if name]
        if model.gives_labels(n):
            said.append("of the pair that sample gives, (rows, labels), the rows are taken")
        return said

    @property
    def _maker(self) -> Any:
        return load(self.make) if isinstance(self.make, str) else self.make

    def _made(self, name: str, seed: int) -> Any:
        make = self._maker
        called = _given(make, _SEED, first=True)
        if called is make and not _takes(make, seed):
            verb = "__init__(self, seed)" if isinstance(make, type) else "make(seed)"
            raise GeneratorError(f"{name} should take a seed and nothing else: def {verb}: ...")
        try:
            with folder_kept():
                made = called(seed)
        except (Exception, SystemExit) as error:
            raise GeneratorError(f"{name}({seed}) raised {type(error).__name__}: {said_by(error)}") from error
        for verb in ("fit", "sample"):
            if not callable(getattr(made, verb, None)):
                raise GeneratorError(
                    f"{name}({seed}) gave a {type(made).__name__}, which has no method {verb}"
                )
        return made


def _copied(name: str, made: Any) -> Any:
    try:
        return copy.deepcopy(made)
    except Exception as error:
        kind = type(made).__name__
        raise GeneratorError(
            f"{name}: a warm start needs a copy of the fitted {kind}, and copying raised "
            f"{type(error).__name__}: {said_by(error)}; give it __deepcopy__, or leave warm_start out"
        ) from error


def _takes(call: Any, *given: Any, **named: Any) -> bool:
    """Whether a call takes these arguments, as far as its signature tells."""
    try:
        inspect.signature(call).bind(*given, **named)
    except TypeError:
        return not callable(call)  # which is said when it is called
    except ValueError:
        return True
    return True


def _keyword(call: Any, names: tuple[str, ...], first: bool = False) -> str:
    """The name by which a call is to be given its one argument; "" where it takes it by its place.

    Args:
        call: a function, method or class.
        names: that the argument may have.
        first: whether an argument of such a name goes before the one in the first place.
    """
    try:
        known = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return ""
    meant = [p for p in known if p.name in names and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if _takes(call, 1):
        others = first and len(meant) == 1 and next(iter(known)) is not meant[0]
        return meant[0].name if others else ""
    needed = [p for p in known if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    alone = needed or [p for p in meant if p.kind is p.KEYWORD_ONLY]
    name = alone[0].name if len(alone) == 1 else ""
    return name if name and _takes(call, **{name: 1}) else ""


def _given(call: Any, names: tuple[str, ...], first: bool = False) -> Callable[[Any], Any]:
    """The call with one argument, given by its name where it does not take it by its place."""
    name = _keyword(call, names, first)
    return (lambda value: call(**{name: value})) if name else call


_NUMBER = ("num_rows", "n_samples", "n", "num_samples", "n_rows", "size")
_ROWS = ("rows", "X", "data")
_SEED = ("seed", "random_state")
