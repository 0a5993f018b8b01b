"""The measures of a bench as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence

from rich.table import Column, Table

from tests.bench.aims import Measure


def table(measures: Sequence[Measure]) -> Table:
    """A line for each measure; under the ratio's name the median, then the least and the greatest round."""
    wide = [Column(name, no_wrap=True) for name in ("measure", "against")]
    figures = ("unit", "ours", "other", "ratio", "rounds", "aim", "")
    made = Table(*wide, *(Column(name, justify="right", no_wrap=True) for name in figures))
    for each in measures:
        ratios = each.ratios
        made.add_row(
            each.name,
            each.against,
            each.unit,
            _short(each.ours),
            _short(each.others),
            f"{each.ratio:.2f}",
            f"{ratios[0]:.2f}–{ratios[-1]:.2f}",
            str(each.aim),
            "" if each.holds else "missed",
        )
    return made


def as_json(measures: Sequence[Measure]) -> str:
    return json.dumps({"measures": [_plain(each) for each in measures]}, indent=2)


def _plain(measure: Measure) -> dict[str, object]:
    return {
        "name": measure.name,
        "against": measure.against,
        "unit": measure.unit,
        "ours": measure.ours,
        "other": measure.others,
        "ratio": measure.ratio,
        "ratios": list(measure.ratios),
        "aim": str(measure.aim),
        "holds": measure.holds,
    }


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"
