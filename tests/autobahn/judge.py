"""Reads Autobahn's report, says what failed, and ends with how many passed and failed."""

import collections
import json
import sys

PASSES = {"OK", "NON-STRICT", "INFORMATIONAL"}
# The closing handshake is judged apart from the case.
CLOSE_PASSES = {"OK", "INFORMATIONAL"}


def main(path):
    try:
        with open(path, encoding="utf-8") as report:
            agents = json.load(report)
    except (OSError, ValueError) as error:
        print(f"autobahn: FAILED: no report: {error}")
        return 1
    cases = [
        (case, result["behavior"], result["behaviorClose"])
        for results in agents.values()
        for case, result in results.items()
    ]
    cases.sort(key=lambda case: [int(part) for part in case[0].split(".")])
    failed = []
    for case, behavior, close in cases:
        if behavior not in PASSES or close not in CLOSE_PASSES:
            failed.append(case)
        if behavior != "OK" or close != "OK":
            print(f"autobahn: {case}: {behavior}, closing {close}")
    counts = collections.Counter(behavior for _, behavior, _ in cases)
    print("autobahn: " + ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))
    print(f"autobahn: {len(cases) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
