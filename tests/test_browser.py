"""The report in a real browser: every figure is drawn, nothing is cut, whatever the screen; and on paper."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from genloss import run
from genloss.report import write
from genloss.report.colours import SHAPES, on_dark, palette, sequential, shapes

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra [test]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browsers = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

REGIMES = [{"kind": k} for k in ("Replace", "AccumulateSubsample", "Accumulate")]
STUDY = {
    "title": "Everything that a page may hold",
    "experiments": {
        "grid": {
            "title": "A grid of Gaussians with a title that takes more than the width of a narrow screen",
            "real": {"kind": "Gaussian", "dim": {"vary": [1, 2, 4]}},
            "n_real": {"vary": [10, 32, 100]},
            "generations": 20,
            "replicates": 12,
            "metrics": ["TraceRatio", "MeanError"],
            "agents": [{"generator": "Gaussian", "regime": {"vary": REGIMES}}],
        },
        "table": {
            "real": {"kind": "Table", "path": "iris", "target": "target"},
            "n_real": 40,
            "generations": 3,
            "replicates": 6,
            "metrics": [{"kind": "TestError", "of": "published"}],
            "agents": [{"generator": "Copula", "regime": {"vary": REGIMES}}],
        },
        "words": {
            "real": "Zipf",
            "generations": 3,
            "replicates": 6,
            "metrics": ["SupportSize"],
            "agents": [{"generator": "Categorical", "regime": {"vary": REGIMES}}],
        },
        "digits": {
            "real": "Digits",
            "generations": 2,
            "replicates": 2,
            "n_real": 40,
            "metrics": ["RealShare"],
            "agents": [{"generator": "KDE", "regime": {"vary": REGIMES[:2]}}],
        },
        "pool": {
            "real": "Moons",
            "generations": 4,
            "replicates": 6,
            "n_real": {"vary": [10, 20, 30, 40, 50, 60, 70]},
            "metrics": ["SlicedWasserstein"],
            "agents": [
                {"generator": "KDE", "regime": "Replace", "name": "first"},
                {"generator": "KDE", "regime": "Accumulate", "name": "second"},
            ],
        },
        "line": {
            "real": {"kind": "Gaussian", "dim": 1},
            "generations": 3,
            "replicates": 6,
            "metrics": ["LogDetRatio"],
            "agents": [{"generator": "Gaussian", "regime": {"vary": REGIMES}}],
        },
    },
}


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write(run(STUDY, workers=0), tmp_path_factory.mktemp("browser") / "report.html")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def opened(browser, report, width, scheme):
    """The page with all its figures drawn, and what the browser said meanwhile."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(240_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request", lambda asked: asked.url.startswith(("file:", "data:", "blob:")) or said.append(asked.url)
    )
    page.goto(report.as_uri())
    page.locator("html[data-drawn=yes]").wait_for(state="attached")
    return page, said


CUT = """() => [...document.querySelectorAll("main *")].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => `${e.tagName}.${e.className.baseVal ?? e.className} ${e.textContent.slice(0, 40)}`)"""
PUSHED = """() => [...document.querySelectorAll(".chart, .scroll")]
  .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.id || e.className)"""
SMALL = """() => {
  const found = [];
  for (const e of document.querySelectorAll("main *")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const seen = e.getClientRects().length && getComputedStyle(e).visibility !== "hidden";
    if (own && seen && parseFloat(getComputedStyle(e).fontSize) < 11) found.push(e.textContent.slice(0, 40));
  }
  return found;
}"""
FAINT = """() => {
  const parts = text => (text.match(/[\\d.]+/g) || []).slice(0, 3).map(Number);
  const light = rgb => rgb.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = light(parts(getComputedStyle(document.body).backgroundColor));
  const found = [];
  const texts = "p, h1, h2, h3, td, figcaption, .screen svg text";
  for (const e of document.querySelectorAll(texts)) {
    if (!e.getClientRects().length || e.closest(".role-mark")) continue;  // marks have their own paper
    const style = getComputedStyle(e);
    const ink = light(parts(e.closest("svg") ? style.fill : style.color));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(1)} ${e.textContent.slice(0, 40)}`);
  }
  return found;
}"""


@browsers
@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "dark"), (390, "light"), (1280, "dark"), (1280, "light"), (1920, "light")]
)
def test_every_figure_is_drawn_and_nothing_is_cut(browser, report, width, scheme):
    page, said = opened(browser, report, width, scheme)
    try:
        assert said == [], "no message, and nothing asked of a network"
        assert page.locator(".error").count() == 0
        charts = page.locator(".chart")
        assert charts.count() >= 10
        for i in range(charts.count()):
            mark = charts.nth(i).locator(".screen svg .role-mark > *, .screen canvas")
            assert mark.count() > 0, charts.nth(i).get_attribute("id")
        assert page.evaluate(CUT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(PUSHED) == [], "nothing has to be pushed aside to be read"
        assert page.evaluate(SMALL) == []
        assert page.evaluate(FAINT) == []
    finally:
        page.close()


@browsers
@pytest.mark.slow
def test_a_page_follows_the_readers_choice_of_dark_and_width(browser, report):
    page, _ = opened(browser, report, 1280, "light")
    try:
        line = page.locator("#f-1-grid-TraceRatio .screen .mark-line path").first
        light = line.get_attribute("stroke")
        page.emulate_media(color_scheme="dark")
        sync_api.expect(line).not_to_have_attribute("stroke", light)
        assert line.get_attribute("stroke") == on_dark(light)
        page.set_viewport_size({"width": 390, "height": 800})
        svg = page.locator("#f-1-grid-TraceRatio .screen svg")
        sync_api.expect(svg).to_have_attribute("width", re.compile(r"^3[0-5]\d"))
    finally:
        page.close()


@browsers
@pytest.mark.slow
def test_a_printed_page_is_light_and_full(browser, report):
    """Printed from the dark: what is seen is the light drawing, and no figure is higher than a sheet."""
    page, _ = opened(browser, report, 1280, "dark")
    try:
        page.emulate_media(media="print", color_scheme="light")
        assert page.locator(".chart > .screen").first.is_hidden()
        assert page.locator(".chart > .paper").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        page.set_viewport_size({"width": 688, "height": 1017})  # A4 between margins of 14 mm
        heights = page.evaluate("[...document.querySelectorAll('figure')].map(e => e.offsetHeight)")
        assert max(heights) <= 1017, heights
        assert page.evaluate(CUT) == [] and page.evaluate(SMALL) == []
        whole = page.evaluate("document.querySelector('main').offsetHeight")
        sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(prefer_css_page_size=True)))
        assert sheets <= 1.35 * whole / 1017 + 1, "a quarter of the sheets' height is free at most"
    finally:
        page.close()


@browsers
@pytest.mark.slow
def test_a_choice_stays_and_is_what_is_printed(browser, report):
    page, _ = opened(browser, report, 1280, "light")
    try:
        select = page.locator("#f-5-pool-SlicedWasserstein .screen select")
        options = select.locator("option").all_inner_texts()
        select.select_option(options[-1])
        on_paper = page.locator("#f-5-pool-SlicedWasserstein .paper select")
        sync_api.expect(on_paper).to_have_value(options[-1])
        select.evaluate("e => { e.dataset.before = 'yes'; }")
        page.emulate_media(color_scheme="dark")
        sync_api.expect(page.locator("select[data-before]")).to_have_count(0)  # it is drawn again
        sync_api.expect(select).to_have_value(options[-1])
    finally:
        page.close()


@browsers
def test_more_than_three_experiments_have_a_table_of_contents(browser, report):
    text = report.read_text()
    contents = text[text.index('<nav class="contents"') : text.index("</nav>")]
    assert contents.count('<a href="#e') == 6 and 'href="#run"' in contents
    assert text.index('<nav class="contents"') < text.index('class="results"')


# -- colours ---------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes (2009), severity 1
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    c = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    x = np.array(to_xyz) @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one, two):
    """Sharma, Wu and Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + 25**7))
    c1, c2 = np.hypot(g * a1, b1), np.hypot(g * a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, g * a1)) % 360, np.degrees(np.arctan2(b2, g * a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    h = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.2 * np.cos(np.radians(4 * h - 63))
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = -2 * np.sqrt(cm**7 / (cm**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    return np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh)


def contrast(one, two):
    a, b = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, two))
    return (b + 0.05) / (a + 0.05)


def nearest(colours, blindness):
    """The least distance of two of some colours as such eyes see them."""
    seen = [lab(np.array(BLINDNESS[blindness]) @ linear(c)) for c in colours]
    return min(ciede2000(a, b) for a, b in itertools.combinations(seen, 2))


def test_the_distance_is_that_of_the_published_pairs():
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for one, two, wanted in pairs:
        assert ciede2000(one, two) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_are_told_apart_by_all_eyes(blindness):
    apart = palette([f"level {c}" for c in "abcdefgh"], False)
    assert len(set(apart)) == 8
    assert nearest(apart, blindness) > 10 and nearest([on_dark(c) for c in apart], blindness) > 15
    for k in (2, 3, 4, 5):
        assert nearest(sequential(k), blindness) > 10
        assert nearest([on_dark(c) for c in sequential(k)], blindness) > 6


def test_colours_stand_out_from_their_page():
    apart = palette([f"level {c}" for c in "abcdefgh"], False)
    assert min(contrast(c, "#FFFFFF") for c in apart) > 2
    assert min(contrast(on_dark(c), on_dark("#FFFFFF")) for c in (*apart, *sequential(6))) > 3


def test_shapes_tell_lines_apart_where_colours_do_not():
    assert len({*zip(palette([str(i) + "x" for i in range(8)], False), shapes(8), strict=True)}) == 8
    assert len(set(shapes(len(SHAPES)))) == len(SHAPES)
