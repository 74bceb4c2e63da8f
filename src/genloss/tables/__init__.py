"""One codec for tables: numbers, categories, booleans, dates and missing values as floats, and back."""

from genloss.tables.column import Column
from genloss.tables.read import BUNDLED, read_table
from genloss.tables.schema import Schema

__all__ = ["BUNDLED", "Column", "Schema", "read_table"]
