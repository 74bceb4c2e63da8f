"""Executors by name: what ``--on`` takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from genloss.errors import SpecError, said_by
from genloss.extend import load

_DASK = "dask://"
_ADDRESS = re.compile(_DASK + r"([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}", re.ASCII)


@contextmanager
def executor_of(name: str | None) -> Iterator[Executor | Callable[[], Executor] | None]:
    """The executor of a name for as long as it is needed, or what gives one; None for none.

    Args:
        name: ``dask://HOST:PORT``, or a reference to a callable that gives an executor: ``mine.py:pool``,
            ``package.module:factory``.

    Raises:
        SpecError: if there is no such executor.
    """
    if name is None:
        yield None
    elif name.startswith(_DASK):
        with _dask(name) as executor:
            yield executor
    else:
        yield _Named(name, load(name))


class _Named:
    """A callable that gives executors: what it gives at first is made at once, to see that it does.

    Raises:
        SpecError: if it gives none.
    """

    def __init__(self, name: str, factory: Any) -> None:
        self._name, self._factory = name, factory
        self._first: Executor | None = self._made()

    def __call__(self) -> Executor:
        """The first one, then others."""
        found, self._first = self._first, None
        return found if found is not None else self._made()

    def _made(self) -> Executor:
        try:
            made = self._factory()
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {said_by(error)}"
            raise SpecError(f"--on {self._name}: raised {said}") from error
        if not isinstance(made, Executor):
            raise SpecError(
                f"--on {self._name}: gave a {type(made).__name__}; "
                f"it should give a concurrent.futures.Executor"
            )
        return made


@contextmanager
def _dask(name: str) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError:
        raise SpecError(f"--on {name}: Dask is not installed; pip install 'genloss[dask]'") from None
    if not _ADDRESS.fullmatch(name):  # a client of no address takes long to give up, and not without words
        raise SpecError(f"--on {name}: write dask://HOST:PORT, as in dask://127.0.0.1:8786")
    connect: Any = distributed.Client
    try:
        client = connect(f"tcp://{name.removeprefix(_DASK)}", timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise SpecError(f"--on {name}: no scheduler answers: {said_by(error)}") from None
    with client:
        # equal arguments are no reason to give one tile's result for another's
        yield client.get_executor(pure=False, retries=2)
