"""One run: a server, alone on its core, and the load generator on another."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

# A run whose generator doesn't end by itself is given up, in seconds.
GENERATOR_SECONDS_MAX = 180


@dataclass(frozen=True)
class Setting:
    """What is the same for all runs."""

    server_core: int
    generator_core: int
    duration: str
    warm_up: str
    through: list
    logs: Path


def measure(server, scenario, setting):
    """Runs once. Returns {"report"}, with {"void"} if nothing should be concluded, or {"error"}."""
    setting.logs.mkdir(parents=True, exist_ok=True)
    log = setting.logs / f"{server.name}-{scenario.name}.log"
    try:
        with server.running(setting.server_core, log) as (port, pid):
            report = generate(server, scenario, setting, port, pid)
    except (RuntimeError, OSError, ValueError) as error:
        return {"error": str(error)}
    void = (report.get("measured") or {}).get("void")
    return {"report": report, **({"void": void} if void else {})}


def generate(server, scenario, setting, port, pid):
    command = [
        *setting.through,
        *("timeout", str(GENERATOR_SECONDS_MAX)),
        *("taskset", "-c", str(setting.generator_core)),
        *server.load(port),
        *scenario.command(setting.duration, setting.warm_up),
        *(scenario.ours if server.name == "broker" else ()),
        *("--server-pid", str(pid), "--json"),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.strip()[-500:] or f"exit code {result.returncode}")
    return json.loads(result.stdout)
