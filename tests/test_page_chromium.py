"""The page of a trace in a real browser: keys, clicks, links, tabs, what screen readers hear, dark, without scripts."""

from __future__ import annotations

import re

import pytest
from chromium import browser, program

import minigrad as mg
from minigrad import debug, nn

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium: apt-get install chromium")
GRAPH = "document.getElementById('graph')"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        found.prefer(prefers_reduced_motion="reduce")
        found.size(1200, 900)
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A convolution that was stepped into between two linear layers, with a hostile name, and its page."""
    folder = tmp_path_factory.mktemp("pages")
    mg.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            self.conv = nn.Conv2d(1, 2, 3)
            self.head = nn.ModuleDict({"a</script><b onclick=x>": nn.Linear(8, 3)})

        def forward(self, x):
            y = mg.tanh(self.conv(x)).reshape(2, 8)
            return self.head["a</script><b onclick=x>"](y)
    with debug.record():
        loss = mg.cross_entropy(Net()(mg.randn(2, 1, 4, 4)), mg.tensor([0, 2]))
    seen = debug.trace(loss, into=["conv2d"])
    seen.to_html(folder / "step.html")
    return seen, (folder / "step.html").as_uri()


@pytest.fixture
def page(tab, made):
    """The page, opened anew; at the end nothing may have gone wrong in it."""
    tab.problems.clear()
    tab.open(made[1])
    yield tab
    assert tab.problems == []


def current(tab):
    """The number of the event shown, which list, graph, timeline and address must agree on."""
    number = tab.run("document.querySelector('#events>.now').id.slice(2)")
    assert tab.run("[...document.querySelectorAll('#events details[open]')].filter(d => d.parentNode.id).length") == 1
    assert tab.run("document.querySelector('.timeline .now').getAttribute('href')") == f"#e={number}"
    assert f"[{number}]" in tab.run("document.getElementById('live').textContent")
    return number


def press(tab, *keys):
    found = []
    for key in keys:
        tab.press(key)
        found.append(current(tab))
    return found


def number_of(seen, **which):
    return seen.find(**which)[0].number


def test_keys(page, made):
    seen, _ = made
    assert current(page) == "0"
    assert press(page, "n", "ArrowRight", "s", "P", "ArrowLeft", "N") == ["1", "2", "3", "2", "1", "0"]
    page.press("P")
    assert page.run("document.getElementById('live').textContent") == "there is no further event"
    assert press(page, "End", "Home") == [seen.events[-1].number, "0"]


def test_over_into_and_out(page, made):
    seen, _ = made
    conv = number_of(seen, op="conv2d")
    after = str(int(conv) + 1)
    page.run(f"location.hash = 'e={conv}'")
    page.run("new Promise(done => setTimeout(done))")
    inner = [event for event in seen if event.number.startswith(conv + ".")]
    assert press(page, "n", "P", "s", "s", "P", "n", "r", "n") == [
        after, conv, conv + ".0", conv + ".1", conv + ".0", conv + ".1", inner[-1].number, after]
    assert inner[-1].kind == "leave"
    page.press("P")
    assert "matmul" not in page.run(f"{GRAPH}.textContent")
    page.press("s")
    assert "matmul" in page.run(f"{GRAPH}.textContent"), "the definition opens as one steps in"
    press(page, "r", "n")
    assert "matmul" not in page.run(f"{GRAPH}.textContent"), "and closes behind"


def test_what_was_not_visited_is_dashed_and_has_no_number(page, made):
    assert "not yet" in page.run(f"{GRAPH}.innerText || [...{GRAPH}.querySelectorAll('text')].filter("
                                 "t => getComputedStyle(t).display != 'none').map(t => t.textContent).join(' ')")
    shown = f"""[...{GRAPH}.querySelectorAll('.call.yet text.num, .leaf.yet text.num')].map(
        t => getComputedStyle(t).display)"""
    assert set(page.run(shown)) == {"none"}
    dashes = f"[...{GRAPH}.querySelectorAll('.call.yet .box')].map(b => getComputedStyle(b).strokeDasharray)"
    assert set(page.run(dashes)) == {"4px, 3px"}
    page.press("End")
    assert page.run(f"{GRAPH}.querySelectorAll('.yet').length - {GRAPH}.querySelectorAll('text.yet').length") == 0


def test_breakpoints(page, made):
    seen, _ = made
    page.press("b")
    assert page.run("document.activeElement.id") == "break"
    for letter in "op conv*":
        page.press(letter)
    assert current(page) == "0", "letters in a field move nothing"
    page.press("Enter")
    assert page.run("document.querySelectorAll('.timeline .stop').length") == 1
    assert press(page, "c") == [number_of(seen, op="conv2d")]
    page.click("#breaks button")
    assert page.run("document.querySelectorAll('.timeline .stop').length") == 0
    assert press(page, "c") == [seen.events[-1].number]
    verdicts = page.run("""["nan", "norm > 1e3", "norm < 1e3", "layer conv", "grad(conv.*) > 0", "op (", "norm > x",
        ""].map(text => { const test = parse(text); return test && events.filter(test).length; })""")
    rules = [event for event in seen if event.kind == "rule"]
    assert verdicts[:3] == [0, 0, len(rules)] and verdicts[5:] == [0, None, None]
    assert verdicts[3] == len([event for event in rules if event.layer == "conv"]) and verdicts[4] == 2


def test_going_to_an_event(page, made):
    conv = number_of(made[0], op="conv2d")
    page.press("g")
    for letter in conv + ".1":
        page.press(letter)
    page.press("Enter")
    assert current(page) == conv + ".1" and page.run("location.hash") == f"#e={conv}.1"
    page.press("g")
    page.press("9")
    page.press("9")
    page.press("Enter")
    assert "no event 99" in page.run("document.getElementById('live').textContent")


def test_links(page, made):
    seen, address = made
    inner = next(event.number for event in seen if event.op == "matmul" and event.depth)
    page.open(f"{address}#e={inner}")
    assert current(page) == inner
    page.open(f"{address}#health")
    assert page.run("['step', 'health'].map(name => document.getElementById(name).hidden)") == [True, False]
    page.size(1200, 300)
    page.open(f"{address}#architecture")
    assert page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
                    "[scrollY, document.body.scrollHeight > 400]))))") == [0, True], "the tabs stay in sight"
    page.size(1200, 900)
    page.open(f"{address}#e=99")
    assert "no event 99" in page.run("document.getElementById('live').textContent")


def test_clicks(page, made):
    seen, _ = made
    tanh = number_of(seen, op="tanh")
    index = [event.number for event in seen].index(tanh)
    page.click(f"#graph a[href='#e={tanh}']")
    assert current(page) == tanh
    page.click(f".timeline [data-e='{index + 1}'] .touch")
    assert current(page) == seen.events[index + 1].number
    page.click("li[id='e=1'] summary")
    assert current(page) == "1"
    page.click("[data-do=next]")
    assert current(page) == "2"
    before = page.run(f"{GRAPH}.querySelectorAll('.call').length")
    key = page.run(f"{GRAPH}.querySelector('.block:not(.heading) [data-block]').dataset.block")
    page.click("#graph .block:not(.heading) .toggle")
    assert page.run(f"{GRAPH}.querySelectorAll('.call').length") > before
    assert page.run("document.activeElement.dataset.block") == key
    assert page.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    page.press("Enter")
    assert page.run(f"{GRAPH}.querySelectorAll('.call').length") == before


def test_tabs_and_help(page):
    page.click("#tab-architecture")
    assert page.run("document.getElementById('step').hidden")
    page.press("n")
    assert page.run("document.querySelector('#events>.now').id") == "e=0", "no stepping behind another tab"
    page.press("ArrowRight")
    assert page.run("document.activeElement.id") == "tab-health"
    assert not page.run("document.getElementById('health').hidden")
    page.press("ArrowRight")
    assert not page.run("document.getElementById('step').hidden") and page.run("document.querySelectorAll("
                                                                               "'[aria-selected=true]').length") == 1
    page.press("?")
    assert page.run("document.getElementById('help').open")
    page.run("document.getElementById('help').close()")


def test_the_keyboard_reaches_all_and_everything_has_a_name(page):
    unnamed = """[...document.querySelectorAll('a, button, input, [tabindex="0"], svg, img')].filter(e =>
        !(e.getAttribute('aria-label') || e.getAttribute('aria-hidden') || e.textContent.trim() || e.title || e.alt ||
          e.closest('label'))).length"""
    assert page.run(unnamed) == 0
    assert page.run(f"{GRAPH}.querySelectorAll('a').length") >= 8
    order = page.run(f"[...{GRAPH}.querySelectorAll('.call a, .leaf a')].map(a => a.getAttribute('href').slice(3))")
    calls = [float(number) for number in order]
    assert calls[0] == 0 and calls[-1] >= max(calls) - 2
    assert page.run("document.getElementById('live').getAttribute('aria-live')") == "polite"


def test_light_and_dark(page):
    def colours():
        return page.run("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    page.prefer(prefers_color_scheme="light")
    light = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours()]
    page.prefer(prefers_color_scheme="dark")
    dark = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours()]
    page.prefer(prefers_reduced_motion="reduce")
    assert light[0] < 150 < 700 < light[1] and dark[1] < 150 < 600 < dark[0]


def test_a_narrow_window_does_not_scroll_sideways(page):
    page.size(400, 800)
    for name in ("step", "architecture", "health"):
        page.click(f"#tab-{name}")
        assert page.run("document.documentElement.scrollWidth") <= 400
    page.size(1200, 900)


def test_the_norm_of_a_long_name_stays_in_its_row(page):
    page.size(400, 800)
    page.click("#tab-step")
    page.run("document.querySelectorAll('.events > li > details > summary > b')"
             ".forEach((name, i) => { name.textContent = 'layer'.repeat(i % 12 + 1) })")
    assert page.run("[...document.querySelectorAll('.events > li > details > summary > .norm')].every(norm => "
                    "norm.getBoundingClientRect().bottom <= norm.parentNode.getBoundingClientRect().bottom + 1)")
    page.size(1200, 900)


def test_a_report_of_health_fits_a_narrow_window_too(tab, tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 4))
    seen = debug.GradientHealth(model)
    with debug.record(), seen.watch():
        trace = debug.trace(model(mg.ones((2, 4))).sum())
    trace.to_html(tmp_path / "health.html", health=seen)
    tab.size(400, 800)
    tab.open((tmp_path / "health.html").as_uri() + "#health")
    assert tab.run("document.getElementById('health').getBoundingClientRect().height") > 300
    assert tab.run("document.documentElement.scrollWidth") <= 400
    tab.size(1200, 900)


def test_the_call_of_the_event_is_in_sight_and_the_picture_scrolls_no_further_than_that(page):
    place = """(() => { const pane = document.getElementById('graph-pane'), a = pane.getBoundingClientRect();
        const b = pane.querySelector('.now').getBoundingClientRect();
        const middle = pane.scrollLeft + (b.left + b.right - a.left - a.right) / 2;     // where it would be centred
        const most = pane.scrollWidth - pane.clientWidth;
        return [b.top >= a.top && b.bottom <= a.bottom,
                Math.abs(pane.scrollLeft - Math.max(0, Math.min(most, middle))) < 3]; })()"""
    page.size(500, 700)
    for _ in range(12):
        page.press("s")
        assert page.run(place) == [True, True], current(page)
    page.size(1200, 900)


def test_without_scripts(page, made):
    page.scripts(False)
    page.open(made[1])
    page.scripts(True)
    assert page.run("document.querySelectorAll('#events details').length") > len(made[0])
    assert page.run("document.documentElement.className") == ""
    assert page.run("[...document.querySelectorAll('.scripted')].every(e => e.hidden)")
    assert page.run("[...document.querySelectorAll('section')].every(e => e.getBoundingClientRect().height > 50)")


def test_in_a_notebook_s_frame(page, made, tmp_path):
    file = tmp_path / "export.html"
    file.write_text("<!DOCTYPE html><meta charset=utf-8><title>export</title>" +
                    made[0]._repr_mimebundle_()["text/html"], "utf-8")
    page.open(file.as_uri())
    inside = "document.querySelector('iframe').contentWindow"
    page.run(f"new Promise(done => {{ const w = () => {inside}.document.querySelector('#events>.now') ? done() : "
             "setTimeout(w, 10); w(); })")
    page.run(f"{inside}.document.querySelector('[data-do=next]').click()")
    assert page.run(f"{inside}.document.querySelector('#events>.now').id") == "e=1"
