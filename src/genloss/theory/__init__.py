"""Closed-form laws of self-consuming loops, each with its citation: what tests assert and plots draw dashed.

One convention holds throughout: generation t = 1 is the model fitted to real data, generation t + 1 is fitted
to rows that generation t made (and to whatever the regime keeps), and a law states the expectation, over
replicates, of a metric of the model fitted at t. A generator that samples at a temperature has therefore done
so t - 1 times when the model of generation t is fitted. Every function takes t as an int (and returns a
float) or as an array of ints (and returns an array). Only NumPy is imported up front; scipy.special is
imported where it is used.

Where a law holds only in a limit, its docstring says so and says how far off it is.

Laws keep nine digits for sizes to 10^15 and t to 10^6. Whole numbers go up to 2^53, positive ones from 1e-100
to 1e100, and t to 10^7 where a law is computed one generation after the other (a second a million). A ratio
that leaves float64 is returned as 0.0 or inf, never as NaN; those that can take `log=True`, and go on.
"""

from genloss.theory import discrete, exponential, gaussian, inference, kde, regression

__all__ = ["discrete", "exponential", "gaussian", "inference", "kde", "regression"]
