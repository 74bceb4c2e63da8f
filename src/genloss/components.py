"""What makes a class a part: a frozen, strictly validated dataclass, so that its spec is its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Annotated, Any, TypeVar, dataclass_transform

import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic import AllowInfNan, BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass as pydantic_dataclass

__all__ = ["Count", "NonNegative", "Positive", "Share", "Size", "component", "field"]

C = TypeVar("C", bound=type)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def component(cls: C) -> C:
    """Make a class a part of the ring: frozen, compared by value, every field checked when it is built.

    Raises:
        pydantic.ValidationError: when built with an unknown field, a wrong type or a value out of range;
            it is a ValueError, and lists every problem at once.

    >>> @component
    ... class Every:
    ...     k: Count = 2
    >>> Every(k=3)
    Every(k=3)
    """
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, extra="forbid")
    made: Callable[[C], C] = pydantic_dataclass(frozen=True, config=config)  # type: ignore[assignment]
    return made(cls)


def plain(value: Any) -> Any:
    """NumPy scalars as Python's: users write ``for n in np.geomspace(...).astype(int)``."""
    return value.item() if isinstance(value, np.generic) else value


_plain = BeforeValidator(plain)
# what NumPy counts with must hold it, and the total of many generations
Count = Annotated[int, _plain, Ge(1), Le(10**15)]
Replicates = Annotated[int, _plain, Ge(1), Le(10**7)]
Size = Annotated[int, _plain, Ge(0), Le(10**15)]
Positive = Annotated[float, _plain, Gt(0), AllowInfNan(False)]
NonNegative = Annotated[float, _plain, Ge(0), AllowInfNan(False)]
Share = Annotated[float, _plain, Ge(0), Le(1)]
