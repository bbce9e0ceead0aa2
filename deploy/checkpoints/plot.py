"""Draws a learning curve as SVG, one panel per measure, without any library."""

import csv
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 720, 180, 50
SKIPPED = ("step", "rate", "seconds")


def curve(source: Path, target: Path) -> Path:
    """Write the curve of a CSV with a column ``step``; empty cells are left out."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in SKIPPED] if rows else []
    panels = [_panel(name, rows, index) for index, name in enumerate(names)]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT * len(panels)}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        + "".join(panels)
        + "</svg>\n",
        encoding="utf-8",
    )
    return target


def _panel(name: str, rows: list[dict[str, str]], index: int) -> str:
    points = [(float(row["step"]), float(row[name])) for row in rows if row[name]]
    if not points:
        return ""
    last, low, high = (
        max(x for x, _ in points),
        min(y for _, y in points),
        max(y for _, y in points),
    )
    top = index * HEIGHT
    drawn = " ".join(
        f"{MARGIN + x / last * (WIDTH - 2 * MARGIN):.1f},"
        f"{top + HEIGHT - 30 - (y - low) / max(high - low, 1e-9) * (HEIGHT - 60):.1f}"
        for x, y in points
    )
    return (
        f'<text x="{MARGIN}" y="{top + 18}">{name}: {points[-1][1]:.4g} at step {last:.0f}</text>'
        f'<text x="4" y="{top + 34}">{high:.3g}</text>'
        f'<text x="4" y="{top + HEIGHT - 28}">{low:.3g}</text>'
        f'<polyline points="{drawn}" fill="none" stroke="#246" stroke-width="1.5"/>'
    )
