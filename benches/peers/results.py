"""Every run in a file, one line of JSON each: the first of a session says where it was run."""

import json
import time


class Results:
    """The file. What it has needn't be run again."""

    def __init__(self, path):
        self.path = path
        self.done = set()
        for line in self.read():
            if "report" in line and not line.get("void"):
                self.done.add((line["round"], line["scenario"], line["server"]))

    def read(self):
        """All lines."""
        if not self.path.exists():
            return []
        with open(self.path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]

    def has(self, number, scenario, server):
        """Whether there is a run of this round from which something can be concluded."""
        return (number, scenario.name, server.name) in self.done

    def add(self, line):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def add_run(self, number, attempt, scenario, server, outcome):
        """Adds a run, void or not."""
        self.add(
            {
                "round": number,
                "attempt": attempt,
                "scenario": scenario.name,
                "server": server.name,
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                **outcome,
            }
        )
