"""Where and with what it was run."""

import os
import platform
import subprocess
import time

from servers import first_line


def describe(servers, command):
    """One line for the results."""
    return {
        "machine": f"{processor()}, {os.cpu_count()} processors",
        "kernel": f"{platform.system()} {platform.release()}",
        "rustc": first_line(["rustc", "--version"]),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "versions": {server.name: server.version() for server in servers},
    }


def processor():
    """The processor, and whether it is a virtual one."""
    listed = subprocess.run(["lscpu"], capture_output=True, text=True).stdout
    pairs = (line.split(":", 1) for line in listed.splitlines() if ":" in line)
    told = {name.strip(): value.strip() for name, value in pairs}
    virtual = told.get("Hypervisor vendor")
    return told.get("Model name", "unknown processor") + (f" under {virtual}" if virtual else "")
