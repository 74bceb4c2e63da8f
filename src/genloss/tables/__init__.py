"""One codec for tables: numbers, categories, booleans, dates and missing values as floats, and back."""

from genloss.tables.column import Column
from genloss.tables.read import BUNDLED, Data, Reading, read_table
from genloss.tables.schema import Schema
from genloss.tables.wishes import Wishes

__all__ = ["BUNDLED", "Column", "Data", "Reading", "Schema", "Wishes", "read_table"]
