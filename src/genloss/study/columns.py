"""The columns of a run's parts."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pyarrow takes long to import: who does not need it need not wait
    import pyarrow as pa

RESULT_SCHEMA: Mapping[str, str] = {
    "cell": "int32",
    "tile": "int32",
    "agent": "int16",
    "generation": "int32",
    "replicate": "int32",
    "metric": "string",
    "value": "float64",
}
PICTURE_SCHEMA: Mapping[str, str] = {
    "cell": "int32",
    "agent": "int16",
    "generation": "int32",
    "row": "int32",
    "values": "list<float64>",
}
KINDS: Mapping[str, Mapping[str, str]] = {"results": RESULT_SCHEMA, "pictures": PICTURE_SCHEMA}


@functools.cache
def schema(kind: str = "results") -> pa.Schema:
    """The columns of the parts of a kind, "results" or "pictures", as Arrow has them.

    >>> schema("pictures").names
    ['cell', 'agent', 'generation', 'row', 'values']
    """
    import pyarrow as pa

    def arrow(kind: str) -> pa.DataType:
        item = re.fullmatch("list<(.*)>", kind)
        return pa.list_(arrow(item[1])) if item else pa.type_for_alias(kind)

    return pa.schema([(name, arrow(column)) for name, column in KINDS[kind].items()])
