"""What every server goes through: the arguments of the load generator, and what is told of it."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scenario:
    """One load. `kind` says which columns its table has."""

    name: str
    title: str
    kind: str
    arguments: tuple
    # Options of `broker bench` alone; why is said in README.md.
    ours: tuple = ()

    def command(self, duration, warm_up):
        """The arguments of the load generator."""
        return [*self.arguments, "--duration", duration, "--warm-up", warm_up]

    def shortened(self):
        """The same with a tenth of the connections."""
        fewer = {"1000": "100", "10000": "500"}
        arguments = tuple(fewer.get(argument, argument) for argument in self.arguments)
        return replace(self, arguments=arguments)


def flood(subscribers=1000, window=64, size=128, topics=1, publishers=1, stalled=None):
    return (
        *("--subscribers", str(subscribers), "--publishers", str(publishers)),
        *("--topics", str(topics), "--window", str(window), "--size", str(size)),
        *(("--stalled", stalled) if stalled else ()),
    )


SCENARIOS = [
    Scenario("flood-128", "Flood: 1,000 subscribers, 128 bytes", "flood", flood()),
    Scenario("flood-16", "Flood: 1,000 subscribers, 16 bytes", "flood", flood(size=16)),
    Scenario("flood-4096", "Flood: 1,000 subscribers, 4 KiB", "flood", flood(size=4096)),
    Scenario(
        "topics",
        "Flood: 100 topics with 10 subscribers each, 10 publishers, 128 bytes",
        "flood",
        flood(topics=100, publishers=10),
    ),
    Scenario(
        "paced",
        # Not 100: in step with the ticks at which the kernel samples who is at work, the share of
        # other processes came out as 0 in most runs and as up to 14 % in others.
        "Paced: 99 messages a second to 1,000 subscribers, 128 bytes",
        "paced",
        ("--subscribers", "1000", "--rate", "99", "--size", "128"),
    ),
    Scenario(
        "one-in-flight",
        "One message in flight: 1,000 subscribers, 128 bytes",
        "one",
        flood(window=1),
    ),
    Scenario(
        "stalled",
        "Flood, and one subscriber in ten never reads: 1,000 subscribers, 128 bytes",
        "stalled",
        flood(stalled="10%"),
        ours=("--overflow", "drop-oldest"),
    ),
    Scenario(
        "idle",
        "Idle: 10,000 connections, each subscribed",
        "idle",
        ("--subscribers", "10000", "--publishers", "0"),
    ),
]
