"""How numbers, their intervals and changes are said."""

from __future__ import annotations

import math

from genloss.intervals import Interval, no_change
from genloss.meaning import Meaning, Scale
from genloss.wording import several

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def about(meaning: Meaning) -> str:
    """A metric in a sentence or two, with what one wants of it.

    >>> about(Meaning("Test error", about="Share of wrong labels.", better="lower"))
    'Share of wrong labels. Lower is good.'
    """
    wanted = f"{meaning.better.capitalize()} is good." if meaning.better else ""
    return " ".join(part for part in (meaning.about, wanted) if part)


def finished(done: int, wanted: int) -> str:
    """What is said, in the change's place, of a line whose replicates are not all there; "" where they are.

    Those that are there may be the tamer ones.

    >>> finished(2, 12), finished(12, 12)
    ('2 of 12 replicates finished', '')
    """
    return f"{done} of {several(wanted, 'replicate')} finished" if done < wanted else ""


def number(x: float, digits: int = 3, zeros: bool = False) -> str:
    """Significant digits, as a paper has them.

    Args:
        x: the number.
        digits: how many.
        zeros: whether to keep those that are zeros at the end.

    >>> [number(x) for x in (0.09746, 27.88, 5.0, 1234.5, 2.5e7, 0.0, float("inf"))]
    ['0.0975', '27.9', '5', '1230', '2.5×10⁷', '0', '∞']
    """
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    power = int(exponent)
    plain = -4 < power < 5
    text = f"{float(f'{mantissa}e{exponent}'):.{max(digits - 1 - power, 0)}f}" if plain else mantissa
    if "." in text and not zeros:
        text = text.rstrip("0").rstrip(".")
    if not plain:
        text += f"×10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """A share in per cent.

    >>> percent(0.05), percent(0.7034), percent(-0.1)
    ('5 %', '70.3 %', '−10 %')
    """
    return f"{number(100 * share)} %"


def interval(some: Interval, none: float = math.nan) -> tuple[str, str]:
    """An estimate and the ends of its interval, "" where it has none, in the digits that its width supports.

    One digit of half the width, two where it begins with less than 3.55, as the Particle Data Group has it;
    of positive numbers that are a large factor apart, two digits of each.

    Args:
        some: what is to be said.
        none: a value beside which an end is shown to lie, however near.

    >>> interval(Interval(0.98531, 0.97687, 0.99342)), interval(Interval(12.342, 11.21, 13.52))
    (('0.985', '0.977, 0.993'), ('12.3', '11.2, 13.5'))
    >>> interval(Interval(334.0, 332.0, 336.0)), interval(Interval(1.21, 0.3, 45.2))
    (('334', '332, 336'), ('1.2', '0.30, 45'))
    >>> interval(Interval(0.878, 0.0, 120.0)), interval(Interval(0.02, -0.09, 0.11))
    (('0.88', '0, 120'), ('0.02', '−0.09, 0.11'))
    >>> interval(Interval(2.0, 1.03125, 5.0), none=1)
    ('2.00', '1.03, 5.00')
    >>> interval(Interval(-1 / 212, -1 / 212 - 1e-18, -1 / 212))
    ('−0.00472', '')
    >>> interval(Interval(0.01, 0.01, 0.01)), interval(Interval(5.95, math.nan, math.nan))
    (('0.01', ''), ('5.95', ''))
    >>> interval(Interval(1.04, 0.996, 1.09)), interval(Interval(1.04, 0.996, 1.09), none=1)
    (('1.04', '1.00, 1.09'), ('1.040', '0.996, 1.090'))
    """
    three = [float(v) for v in some]
    estimate, low, high = three
    rounding = high - low <= 1e-12 * max(abs(low), abs(high)) < math.inf
    if math.isnan(low) or math.isnan(high) or low == high or rounding:
        return number(estimate), ""
    half = (high - low) / 2
    if not all(map(math.isfinite, three)) or (low > 0 and high > 4 * low) or half > 5 * abs(estimate) > 0:
        digits = 2
        while digits < 8 and any(v != none and float(f"{v:.{digits - 1}e}") == none for v in three[1:]):
            digits += 1  # an end that lies beside `none` is shown to
        value, *ends = (number(v, digits, zeros=True) for v in three)
        return value, ", ".join(ends)
    power = math.floor(math.log10(half))
    place = power - (half < 3.55 * 10.0**power)
    if all(v == round(v) for v in three):
        place = max(place, 0)
    while place > power - 6 and (
        any(v != none and round(v, -place) == none for v in three[1:])
        or round(estimate, -place) == 0 != estimate
    ):
        place -= 1
    largest = max(map(abs, three))
    if 1e-3 <= largest < 1e5:
        value, *ends = (f"{round(v, -place) + 0.0:.{max(-place, 0)}f}".replace("-", "−") for v in three)
    else:
        value, *ends = (number(v, _digits(v, place), zeros=True) for v in three)
    return value, ", ".join(ends)


def _digits(x: float, place: int) -> int:
    return max(math.floor(math.log10(abs(x))) - place + 1, 1) if x else 1


def json_number(x: float) -> float | str | None:
    """A number as JSON can hold it: none is null, an infinite one a text.

    >>> json_number(2.5), json_number(-math.inf), json_number(math.nan)
    (2.5, '-Infinity', None)
    """
    if math.isnan(x):
        return None
    return float(x) if math.isfinite(x) else "Infinity" if x > 0 else "-Infinity"


def bracketed(value: str, ends: str) -> str:
    """An estimate with its interval: "0.985 [0.977, 0.993]"."""
    return f"{value} [{ends}]" if ends else value


def changed(change: Interval, scale: Scale, replicates: int, gone: str = "") -> tuple[str, str]:
    """What is known of a change from generation 1, in words, and its size.

    Never more than its interval says: it changed where the interval holds neither a factor of 1 nor a
    difference of 0.

    Args:
        change: of the typical replicate: a factor where the scale is "ratio", else a difference.
        scale: of the metric.
        replicates: that were compared with themselves.
        gone: what is to be said beside a change, and instead of none: "0 in 13 of 20 replicates".

    >>> changed(Interval(0.348, 0.29, 0.421), "ratio", 100)
    ('changed', '× 0.35 [0.29, 0.42]')
    >>> changed(Interval(27.1, 21.2, 35.0), "nats", 100)
    ('changed', '+27 nats [21, 35]')
    >>> changed(Interval(1.002, 0.981, 1.02), "ratio", 100)
    ('no change seen at 100 replicates', '× 1.002 [0.981, 1.020]')
    >>> changed(Interval(1.1, math.nan, math.nan), "ratio", 3)
    ('too few replicates to tell: 3', '')
    """
    none = no_change(scale)
    estimate, low, high = (float(v) for v in change)
    if replicates == 0:
        return "no change can be told: infinite or undefined", ""
    if math.isnan(low) or math.isnan(high):  # fewer than 6: no order statistics hold the median with 95 %
        return f"too few replicates to tell: {replicates}", ""
    value, ends = interval(change, none)
    sign = "× " if scale == "ratio" else "+" if estimate > 0 else ""
    size = bracketed(f"{sign}{value}{' nats' if scale == 'nats' else ''}", ends)
    if low > none or high < none:
        return ", ".join(filter(None, ("changed", gone))), size
    return gone or f"no change seen at {several(replicates, 'replicate')}", size
