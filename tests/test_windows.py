"""Windows: which places each place sees, through others and beside others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minigrad import nn
from minigrad.graph import summary
from minigrad.graph.windows import SAME, Windows, adaptive, hull, painting, resized, shifted, sliding
from minigrad.ops.resampling import Resampling, taps

WINDOWS = st.one_of(
    st.builds(sliding, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)),
    st.builds(painting, st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3)),
    st.builds(adaptive, st.integers(1, 9), st.integers(1, 9)), st.builds(shifted, st.integers(-3, 3)),
    st.builds(resized, st.integers(2, 9), st.integers(2, 9), st.sampled_from(["nearest", "linear", "cubic"])))


@given(WINDOWS, WINDOWS, st.integers(-50, 50))
def test_windows_through_windows(later, before, place):
    assert later.after(before).at(place) == hull([before.at(p) for p in later.at(place)]) \
        or not any(len(before.at(p)) for p in later.at(place))
    assert later.after(SAME).at(place) == hull([later.at(place)]) or not later.at(place)
    assert later.after(before).jump == later.jump * before.jump


@given(WINDOWS, WINDOWS, st.integers(-50, 50))
def test_windows_beside_windows(a, b, place):
    both = a.beside(b)
    assert (both is None) == (a.jump != b.jump)
    if both is not None and (a.at(place) or b.at(place)):
        assert both.at(place) == hull([a.at(place), b.at(place)])


def test_what_repeats_sooner_is_said_with_fewer_spans():
    up, down = painting(2, 2, 0), sliding(2, 2, 0)
    assert len(up.spans) == 2 and down.after(up) == Windows((range(1),), 1)
    assert up.after(down).size == 2 and len(up.after(up).spans) == 4


@given(st.integers(2, 12), st.integers(2, 12), st.sampled_from(["nearest", "nearest-exact", "linear", "cubic", "area"]),
       st.booleans(), st.booleans())
def test_resizing_sees_what_its_table_has(n, out, kind, corners, antialias):
    """Away from the ends, where places that are not there are replaced by those at the end."""
    corners, antialias = corners and kind in ("linear", "cubic"), antialias and kind in ("linear", "cubic")
    view = resized(n, out, kind, None, corners, antialias)
    places, weights = taps(n, out, Resampling(kind, None, corners, antialias))
    for i in range(out):
        seen = [int(p) for p, w in zip(places[i], weights[i], strict=True) if abs(w) > 1e-12]
        if view.at(i)[0] >= 0 and view.at(i)[-1] < n:
            assert view.at(i)[0] <= min(seen) and max(seen) <= view.at(i)[-1]
            assert len(view.at(i)) - (max(seen) - min(seen) + 1) <= (2 if antialias or kind == "cubic" else 0)


def test_resizing_that_never_repeats_is_not_known():
    assert resized(5000, 4999, "linear") is None
    assert resized(97, 89, "linear").after(resized(101, 97, "linear")) is not None
    assert resized(97, 89, "linear").after(resized(1000, 999, "linear")) is None
    assert len(resized(999, 89, "linear").after(resized(1000, 999, "linear")).spans) == 89       # the ends meet
    net = nn.Sequential(*[nn.Upsample(scale_factor=1.001)] * 2, nn.AdaptiveAvgPool1d(1))
    assert [row.receptive_field for row in summary(net, (1, 1000))][:3] == [(1,), (1,), None]
    up, down = painting(4095, 4095, 0), resized(4096, 4095 ** 2, "nearest")
    assert down is None and up.beside(Windows((range(2),) * 4094, 1)) is None
