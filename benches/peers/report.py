"""The tables of docs/performance.md, and the plots beside it."""

import json
import subprocess
import sys
from pathlib import Path

from servers import SERVERS
from summary import COLUMNS, Summary

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"

PICTURES = [
    ("peers-flood.svg", "Deliveries per second of the server's CPU, in floods"),
    ("peers-paced.svg", "CPU per delivery and latency, at 99 messages a second"),
    ("peers-idle.svg", "Memory for each idle connection"),
]


def summary(lines):
    """Everything as Markdown."""
    runs = Summary(lines)
    parts = [where(runs), how_to_read()]
    parts += [table(runs, scenario) for scenario in runs.scenarios()]
    parts += [losses(runs), spoilt(runs)]
    return "\n\n".join(part for part in parts if part)


def write(lines, docs, plots):
    """Draws the plots and puts everything between the marks of docs/performance.md."""
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        sys.exit(f"{page} has no {BEGIN} and {END}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    drawn = draw(lines, docs / "images", plots)
    pictures = "\n".join(f"![{title}](images/{name})" for name, title in drawn)
    parts = [BEGIN, summary(lines), *([pictures] if pictures else []), END]
    page.write_text(before + "\n\n".join(parts) + after, encoding="utf-8")
    print(f"written: {page}", file=sys.stderr)


def where(runs):
    """Machine, versions and commands, each once."""
    told = []
    for session in runs.sessions:
        for line in (
            f"- machine: {session['machine']}; {session['kernel']}; {session['rustc']}",
            f"- command: `{session['command']}` ({session['at'][:10]})",
            *(f"- {server.title}: {session['versions'][server.name]}"
              for server in SERVERS if server.name in session["versions"]),
        ):
            if line not in told:
                told.append(line)
    return "\n".join(told)


def how_to_read():
    return (
        "Medians of all runs, in brackets the lowest and the highest. *Broker is*: how many times "
        "better the broker is in the first column, below 1 where it is worse. **Bold** is what is "
        "better than the broker's. *Runs*: those that count, of all."
    )


def table(runs, scenario):
    """One scenario."""
    columns = COLUMNS[scenario.kind]
    titles = ["server", columns[0].title, "broker is", *(c.title for c in columns[1:]), "runs"]
    ruler = ["---", *["---:"] * (len(titles) - 1)]
    lines = [f"### {scenario.title} (`{scenario.name}`)", "", row(titles), row(ruler)]
    for server in runs.servers(scenario):
        cells = [figure(runs, scenario, server, column) for column in columns]
        times = runs.times_better(scenario, server, columns[0])
        broker_is = "" if server is SERVERS[0] or times is None else f"{times:.2f} ×"
        good = len(runs.clean[scenario.name, server.name])
        bad = len(runs.spoilt[scenario.name, server.name])
        of = f"{good} of {good + bad}" if bad else str(good)
        lines.append(row([server.title, cells[0], broker_is, *cells[1:], of]))
    return "\n".join(lines)


def figure(runs, scenario, server, column):
    text = runs.cell(scenario, server, column).form(column.form)
    times = runs.times_better(scenario, server, column)
    return f"**{text}**" if times is not None and times < 1 else text


def losses(runs):
    """Where another server is better, in words."""
    lines = []
    for scenario in runs.scenarios():
        for column in COLUMNS[scenario.kind]:
            for server in runs.servers(scenario):
                times = runs.times_better(scenario, server, column)
                if times is not None and times < 1:
                    by = f"{1 / times:.2f} times" if times > 0 else "nothing"
                    lines.append(f"- {scenario.title}: {column.title}: {server.title}, {by}")
    if not lines:
        return ""
    return "### Where others are better\n\n" + "\n".join(lines)


def spoilt(runs):
    """Scenarios that a server didn't get through at all."""
    lines = []
    for (scenario, server), reasons in runs.spoilt.items():
        if not runs.clean.get((scenario, server)):
            lines.append(f"- {scenario}, {server}: {reasons[-1]}")
    return "Without a run that counts:\n\n" + "\n".join(lines) if lines else ""


def row(cells):
    return "| " + " | ".join(cells) + " |"


def draw(lines, images, python):
    """Draws what there are figures for. Returns the pictures, with their titles."""
    if not Path(python).exists():
        print("no matplotlib (see install.sh): no plots", file=sys.stderr)
        return []
    images.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("plots.py")
    figures = json.dumps(plotted(Summary(lines)))
    subprocess.run([python, script, images], input=figures, text=True, check=True)
    return [picture for picture in PICTURES if (images / picture[0]).exists()]


def plotted(runs):
    """The figures for the plots: scenario, server and column with median, lowest and highest."""
    return [
        {
            "scenario": scenario.name,
            "server": server.title.replace("`", ""),
            "column": column.title,
            "kind": scenario.kind,
            "title": scenario.title,
            "median": cell.median,
            "lowest": min(cell.values),
            "highest": max(cell.values),
        }
        for scenario in runs.scenarios()
        for server in runs.servers(scenario)
        for column in COLUMNS[scenario.kind]
        for cell in [runs.cell(scenario, server, column)]
    ]
