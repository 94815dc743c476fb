"""Draws the plots: `plots.py DIRECTORY`, the figures of report.py as JSON on standard input."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

# Text stays text: smaller files that can be searched. No date: the same figures, the same file.
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "peers", "font.size": 10})

COLOURS = {
    "this broker": "#c2410c",
    "NATS": "#2563a8",
    "Redis": "#5b8c3e",
    "Mosquitto": "#7a5aa6",
    "Node ws": "#8a8a8a",
}
PER_CPU_SECOND = "deliveries per second of CPU"

# From so many times the least to the most, the axis is logarithmic.
LINEAR_UP_TO = 20


def main(directory):
    figures = json.load(sys.stdin)
    floods = [one for one in figures if one["column"] == PER_CPU_SECOND]
    draw(directory / "peers-flood.svg", [(PER_CPU_SECOND, grouped(floods, "scenario"))])
    paced = [one for one in figures if one["scenario"] == "paced"]
    wanted = ["CPU per delivery, µs", "p50, ms", "p99, ms"]
    draw(
        directory / "peers-paced.svg",
        [(title, [("", [one for one in paced if one["column"] == title])]) for title in wanted],
    )
    title = "memory per connection, KiB"
    idle = [one for one in figures if one["column"] == title]
    draw(directory / "peers-idle.svg", [(title, [("", idle)])])


def grouped(figures, key):
    """The figures in groups with the same value of a key, in their order."""
    groups = {}
    for figure in figures:
        groups.setdefault(figure[key], []).append(figure)
    return list(groups.items())


def draw(path, panels):
    """One picture, a panel for each title, each with groups of servers; none without figures."""
    panels = [(title, groups) for title, groups in panels if any(dots for _, dots in groups)]
    if not panels:
        path.unlink(missing_ok=True)
        return
    rows = max(sum(len(dots) + 1 for _, dots in groups) for _, groups in panels)
    figure, axes = plt.subplots(
        1, len(panels), squeeze=False, sharey=True, figsize=(9, 0.8 + 0.26 * rows)
    )
    for axis, (title, groups) in zip(axes[0], panels, strict=True):
        names = panel(axis, title, groups)
    name_rows(axes[0][0], names)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def panel(axis, title, groups):
    """A dot for each median; its line goes from the lowest to the highest.

    Returns the names of the rows with their places.
    """
    place, names = 0, []
    for name, servers in groups:
        if name:
            names.append((place, name))
            place += 1
        for one in servers:
            dot(axis, place, one)
            names.append((place, one["server"]))
            place += 1
        place += 0.4
    values = [one["median"] for _, servers in groups for one in servers]
    if max(values) > LINEAR_UP_TO * min(values):
        axis.set_xscale("log")
        axis.margins(x=0.2)
    else:
        axis.set_xlim(0, 1.2 * max(one["highest"] for _, servers in groups for one in servers))
    axis.set_xlabel(title)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    return names


def name_rows(axis, names):
    """Names of groups are bold. All panels share them."""
    axis.set_yticks([at for at, _ in names], [name for _, name in names])
    for label, (_, name) in zip(axis.get_yticklabels(), names, strict=True):
        if name not in COLOURS:
            label.set_fontweight("bold")
    axis.tick_params(axis="y", length=0)
    axis.invert_yaxis()


def dot(axis, place, one):
    median, lowest, highest = one["median"], one["lowest"], one["highest"]
    spread = [[median - lowest], [highest - median]]
    colour = COLOURS.get(one["server"], "#444444")
    axis.errorbar(median, place, xerr=spread, color=colour, fmt="o", markersize=6, capsize=3)
    axis.annotate(
        short(median),
        (highest, place),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
    )


def short(number):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
