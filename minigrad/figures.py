"""Figures as PNG files: what all pictures share. matplotlib draws them (extra `demo`); nothing else needs it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from .files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PathLike = str | os.PathLike[str]
DPI = 120

Arguments = ParamSpec("Arguments")


def picture(draw: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Draw with matplotlib's own settings, whatever the user's are; say what to do where it is missing or broken."""
    @wraps(draw)
    def with_own_settings(*args: Arguments.args, **options: Arguments.kwargs) -> None:
        try:
            import matplotlib.style
        except ImportError as error:
            missing = isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("matplotlib")
            raise ImportError(
                f"pictures are drawn with matplotlib, which {'is not installed' if missing else 'cannot be imported'}"
                + ("" if missing else f" ({error})") + ': pip install "minigrad[demo]"') from error
        with matplotlib.style.context("default"):
            draw(*args, **options)
    return with_own_settings


@picture
def rehearse() -> None:
    """Draw an empty sheet and throw it away: what is missing or broken shows now, not after hours of training."""
    sheet(1, 1).savefig(io.BytesIO(), format="png")


def sheet(width: float, height: float) -> Figure:
    """An empty figure of its own, in inches: no window, and none of matplotlib's global figures."""
    from matplotlib.figure import Figure
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def save_figure(figure: Figure, path: PathLike) -> None:
    """Write it as PNG; the file appears whole."""
    write_atomically(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI))
