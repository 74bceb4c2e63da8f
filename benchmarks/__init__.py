"""Speed as ratios to naive references, in one interleaved run: ``python -m benchmarks``."""
