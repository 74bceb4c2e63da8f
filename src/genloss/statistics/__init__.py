"""Additive statistics: computed once a chunk, added up, drawn without rows where the law is exact."""

from genloss.statistics.counts import Counts, sample_symbols
from genloss.statistics.gram import Gram, GramValue, Inputs, draw_gram, least_squares
from genloss.statistics.kernels import KernelSums, LogSum, Points
from genloss.statistics.known import Normal, Symbols
from genloss.statistics.moments import (
    Moments,
    draw_bartlett,
    draw_moments,
    moments,
    place_moments,
)
from genloss.statistics.rows import draw_line, frame, rows_with, symbols_with
from genloss.statistics.triangular import forward, triangular_root

__all__ = [
    "Counts",
    "Gram",
    "GramValue",
    "Inputs",
    "KernelSums",
    "LogSum",
    "Moments",
    "Normal",
    "Points",
    "Symbols",
    "draw_bartlett",
    "draw_gram",
    "draw_line",
    "draw_moments",
    "forward",
    "frame",
    "least_squares",
    "moments",
    "place_moments",
    "rows_with",
    "sample_symbols",
    "symbols_with",
    "triangular_root",
]
