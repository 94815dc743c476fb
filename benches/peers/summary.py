"""What the runs say: for each scenario, server and column the values of all runs that count."""

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import Callable

from scenarios import SCENARIOS
from servers import SERVERS

HIGHER, LOWER = "higher is better", "lower is better"


@dataclass(frozen=True)
class Column:
    """One figure of a run."""

    title: str
    value: Callable
    better: str
    form: Callable


@dataclass(frozen=True)
class Cell:
    """The figure of one server over all its runs."""

    values: tuple

    @property
    def median(self):
        return statistics.median(self.values)

    def form(self, form):
        """The median, and between what the values lie."""
        if len(set(map(form, self.values))) == 1:
            return form(self.median)
        return f"{form(self.median)} ({form(min(self.values))}–{form(max(self.values))})"


def large(number):
    """12.3 M, 456 k"""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if number >= limit:
            return significant(number / limit) + unit
    return significant(number)


def significant(number):
    """Three digits that say something."""
    if number >= 100 or number == 0:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}" if number >= 1 else f"{number:.3f}"


def share(number):
    return "0" if number == 0 else f"{number * 100:.2f} %" if number >= 1e-4 else "< 0.01 %"


def measured(name, factor=1.0):
    return lambda report: report["measured"][name] * factor


def latency(of, quantile):
    """In milliseconds."""
    return lambda report: report["measured"][of][quantile] / 1e3


def lost(report):
    """What a reading subscriber never got, as a share of what was meant for it."""
    one = report["measured"]
    missing = one["missing"] + one["gaps"]
    return missing / max(1, missing + one["deliveries"])


def messages_per_second(report):
    return report["measured"]["published"] / report["measured"]["seconds"]


PER_CPU_SECOND = Column(
    "deliveries per second of CPU", measured("deliveries_per_cpu_second"), HIGHER, large
)
PER_SECOND = Column("deliveries per second", measured("deliveries_per_second"), HIGHER, large)
CPU = Column("CPU per delivery, µs", measured("server_cpu_us"), LOWER, significant)
P50 = Column("p50, ms", latency("latency", "p50"), LOWER, significant)
P99 = Column("p99, ms", latency("latency", "p99"), LOWER, significant)
TO_LAST_P50 = Column("to the last, p50, ms", latency("to_last", "p50"), LOWER, significant)
TO_LAST_P99 = Column("to the last, p99, ms", latency("to_last", "p99"), LOWER, significant)
LOST = Column("lost", lost, LOWER, share)
MEMORY = Column("memory, MiB", measured("server_bytes", 1 / (1 << 20)), LOWER, significant)
MESSAGES = Column("messages per second", messages_per_second, HIGHER, large)

# The first column is the one that is compared.
COLUMNS = {
    "flood": [PER_CPU_SECOND, PER_SECOND, P50, P99, LOST],
    "stalled": [PER_CPU_SECOND, PER_SECOND, P50, P99, LOST, MEMORY],
    "paced": [CPU, P50, P99, TO_LAST_P50, TO_LAST_P99, LOST],
    "one": [CPU, MESSAGES, P50, P99, TO_LAST_P50, TO_LAST_P99, LOST],
    "idle": [
        Column(
            "memory per connection, KiB",
            lambda report: report["connections"]["server_bytes"] / 1024,
            LOWER,
            significant,
        ),
        Column(
            "CPU per connection, µs",
            lambda report: report["connections"]["server_cpu_us"],
            LOWER,
            significant,
        ),
        Column(
            "opened per second",
            lambda report: report["connections"]["per_second"],
            HIGHER,
            large,
        ),
    ],
}


class Summary:
    """All runs, sorted."""

    def __init__(self, lines):
        self.sessions = [line for line in lines if "machine" in line]
        self.clean = defaultdict(list)
        self.spoilt = defaultdict(list)
        for line in lines:
            if "scenario" not in line:
                continue
            key = (line["scenario"], line["server"])
            if "report" in line and not line.get("void"):
                self.clean[key].append(line["report"])
            else:
                self.spoilt[key].append(line.get("void") or line.get("error"))

    def scenarios(self):
        """Those that somebody went through."""
        return [scenario for scenario in SCENARIOS if self.servers(scenario)]

    def servers(self, scenario):
        """Those that have a run of it that counts."""
        return [server for server in SERVERS if self.clean.get((scenario.name, server.name))]

    def cell(self, scenario, server, column):
        reports = self.clean[scenario.name, server.name]
        return Cell(tuple(column.value(report) for report in reports))

    def times_better(self, scenario, server, column):
        """How many times better the broker is than a server; less than 1 where it is worse."""
        broker = SERVERS[0]
        if broker not in self.servers(scenario):
            return None
        ours = self.cell(scenario, broker, column).median
        theirs = self.cell(scenario, server, column).median
        better, worse = (ours, theirs) if column.better == HIGHER else (theirs, ours)
        return 1.0 if better == worse else better / worse if worse else float("inf")
