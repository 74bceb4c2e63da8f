"""Executors by name: what ``--on`` takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from genloss.errors import SpecError, said_by
from genloss.extend import load

_DASK = "dask://"
_ADDRESS = re.compile(_DASK + r"([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}", re.ASCII)


@contextmanager
def executor_of(name: str | None) -> Iterator[Executor | None]:
    """The executor of a name, for as long as it is needed; None for none.

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
        factory = load(name)
        try:
            made = factory()
        except (Exception, SystemExit) as error:
            raise SpecError(f"--on {name}: raised {type(error).__name__}: {said_by(error)}") from error
        if not isinstance(made, Executor):
            raise SpecError(
                f"--on {name}: gave a {type(made).__name__}; it should give a concurrent.futures.Executor"
            )
        with made:
            yield made


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
