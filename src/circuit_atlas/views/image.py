"""Draws a figure as an image, with plotly.js in the Chromium of this machine."""

from __future__ import annotations

from circuit_atlas.errors import InputError, MissingExtraError, needs_extra
from circuit_atlas.views.figure import Figure

_SCALE = 2  # pixels of a PNG per pixel of the layout, for sharp text


def draw_image(figure: Figure, file_format: str) -> bytes:
    """Draw a figure as `png`, `svg` or `pdf`, with kaleido.

    Raises:
        MissingExtraError: plotly, kaleido or a Chromium is not installed, or the Chromium does not start.
        InputError: the Chromium cannot draw the figure.
    """
    with needs_extra("views", "drawing an image"):
        import plotly  # noqa: F401
        from kaleido import calc_fig_sync
        from kaleido.errors import BrowserFailedError, ChromeNotFoundError, KaleidoError
    page = figure["layout"]
    options = {
        "format": file_format,
        "width": page["width"],
        "height": page["height"],
        "scale": _SCALE if file_format == "png" else 1,
    }
    try:
        # Without MathJax, which kaleido would load from the network.
        return bytes(calc_fig_sync(figure, opts=options, kopts={"mathjax": False}))
    except ChromeNotFoundError as error:
        raise MissingExtraError(
            "an image needs Chromium or Chrome, and neither is installed",
            fix="Install one (on Debian: apt-get install chromium), or write .html.",
        ) from error
    except BrowserFailedError as error:
        raise MissingExtraError(
            "Chromium or Chrome, which should draw the image, does not start",
            fix="Start it from a terminal to see why, set BROWSER_PATH to another one, or write .html.",
        ) from error
    except (KaleidoError, RuntimeError, TimeoutError) as error:  # its JavaScript fails, or it ends, or hangs
        raise InputError(
            f"Chromium or Chrome cannot draw it as .{file_format}: {str(error) or type(error).__name__}",
            fix="Write .html, or show fewer nodes.",
        ) from error
