"""The servers: how each is configured, started, asked for its version, and spoken with."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
WORK = TARGET / "peers"
DEBIAN = WORK / "debian"

# How long a server may take to listen, and to end, in seconds.
START_SECONDS_MAX = 20
END_SECONDS_MAX = 5


class Server:
    """A server that can be started again and again."""

    name = ""
    title = ""
    # What is looked for: a path, or a name in PATH.
    programs = ()
    settings = ""

    def program(self):
        """The path of the program, or None where it isn't to be had."""
        found = (shutil.which(program) for program in self.programs)
        return next(filter(None, found), None)

    def command(self, port, directory):
        """The command that serves at a port of the loopback address."""
        settings = directory / "settings"
        settings.write_text(self.settings.format(port=port, directory=directory))
        return [self.program(), *self.arguments(settings)]

    def arguments(self, settings):
        return [settings]

    def load(self, port):
        """The load generator for this server, with the arguments that say where it is."""
        generator = TARGET / "release" / "peer-bench"
        return [generator, "--dialect", self.name, "--address", f"127.0.0.1:{port}"]

    def version(self):
        return first_line([self.program(), "--version"])

    @contextlib.contextmanager
    def running(self, core, log):
        """Runs the server on one core; yields its port and process id."""
        directory = WORK / "running" / self.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        port = free_port()
        pinned = ["taskset", "-c", str(core), *self.command(port, directory)]
        with open(log, "wb") as out:
            process = subprocess.Popen(
                pinned, cwd=directory, stdout=out, stderr=out, env=environment()
            )
        try:
            await_port(port, process, log)
            yield port, process.pid
        finally:
            end(process)


class Broker(Server):
    name = "broker"
    title = "this broker"
    programs = (TARGET / "release" / "broker",)
    settings = """\
[server]
data_directory = "{directory}"
shards = 1
[[listen]]
transport = "websocket"
address = "127.0.0.1:{port}"
[log]
filter = "warn"
"""

    def arguments(self, settings):
        return ["--config", settings]

    def load(self, port):
        return [self.program(), "bench", "--url", f"ws://127.0.0.1:{port}"]

    def version(self):
        commit = first_line(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"])
        return f"{super().version()}, commit {commit}"


class Nats(Server):
    name = "nats"
    title = "NATS"
    programs = (WORK / "venv/bin/nats-server", "nats-server")
    # Everything else is its default: 64 MB pending and 10 s of write deadline per connection.
    settings = """\
listen: "127.0.0.1:{port}"
max_connections: 20000
"""

    def arguments(self, settings):
        return ["--config", settings]


class Redis(Server):
    name = "redis"
    title = "Redis"
    programs = (DEBIAN / "usr/bin/redis-server", "redis-server")
    # No persistence. A subscriber that is behind is not cut off at 32 MB, or 8 MB for a minute.
    settings = """\
bind 127.0.0.1
port {port}
dir {directory}
save ""
appendonly no
maxclients 19000
tcp-backlog 4096
client-output-buffer-limit pubsub 256mb 0 0
"""


class Mosquitto(Server):
    name = "mqtt"
    title = "Mosquitto"
    programs = (DEBIAN / "usr/sbin/mosquitto", "mosquitto", "/usr/sbin/mosquitto")
    # `user` counts where it is started by root, who would have to have a user mosquitto otherwise.
    settings = """\
listener {port} 127.0.0.1
user root
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 1000000
max_queued_bytes 0
sys_interval 0
log_dest stderr
log_type error
"""

    def arguments(self, settings):
        return ["-c", settings]

    def version(self):
        return first_line([self.program(), "-h"])


class Broadcaster(Server):
    name = "broadcaster"
    title = "Node `ws`"
    programs = ("node",)
    script = WORK / "broadcaster" / "broadcaster.js"

    def program(self):
        installed = self.script.with_name("node_modules").exists()
        return super().program() if installed else None

    def command(self, port, directory):
        return [self.program(), self.script, str(port)]

    def version(self):
        read = "console.log(require('ws/package.json').version)"
        version = subprocess.run(
            [self.program(), "-e", read], cwd=self.script.parent, capture_output=True, text=True
        )
        return f"ws {version.stdout.strip()}, Node {super().version()}"


# In the order in which they take their turns.
SERVERS = [Broker(), Nats(), Redis(), Mosquitto(), Broadcaster()]


def environment():
    """Libraries of unpacked packages are found."""
    libraries = [str(path) for path in sorted(DEBIAN.glob("usr/lib/*-linux-gnu"))]
    path = ":".join([*libraries, os.environ.get("LD_LIBRARY_PATH", "")])
    return {**os.environ, "LD_LIBRARY_PATH": path.rstrip(":")}


def first_line(command):
    """The first line that a command prints."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment()
    )
    return next(iter(result.stdout.splitlines()), "").strip()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port, process, log):
    """Returns when somebody listens."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server didn't start: {Path(log).read_text(errors='replace')[-500:]}")


def end(process):
    process.terminate()
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
