"""Filters of the HTML templates."""

from __future__ import annotations


def escape_html(value: str) -> str:
    """Escape a value for the text of an HTML page, or for an attribute in quotes."""
    # Its table of characters takes a millisecond, which all commands would wait for.
    import html

    return html.escape(value)


def percent(value: float) -> str:
    """Return a share in percent as a CSS length."""
    return f"{value:.1f}%"


def pixels(value: float) -> str:
    """Return a length for an SVG drawing, in pixels with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
