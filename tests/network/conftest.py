"""What the tests share: the command line, containers that are removed afterwards, dig inside of a container's namespace."""
import os
import subprocess
import time

import pytest

FULL = os.environ.get("NETWORK_FULL") is not None  # the long forms


def davit(*args, check=True, timeout=60):
    p = subprocess.run([os.environ["DAVIT"], *args], capture_output=True, text=True, timeout=timeout)
    assert not check or p.returncode == 0, p.stderr
    return p.stdout.strip() if check else p


def host(*args, check=True, **options):
    return subprocess.run(args, check=check, capture_output=True, text=True, timeout=60, **options).stdout


def engine(action):
    subprocess.run(["sandbox-engine", action], check=True, timeout=60)


def inspect(name, what):
    return davit("inspect", "-f", what, name)


PIDS = {}  # the last known ones, for times without an engine


def inside(name, *args, check=True):
    """A program of the host in the container's network namespace."""
    known = davit("inspect", "-f", "{{.State.Pid}}", name, check=False)
    if known.returncode == 0:
        PIDS[name] = known.stdout.strip()
    return host("nsenter", f"--net=/proc/{PIDS[name]}/ns/net", *args, check=check)


def dig(name, *args):
    return inside(name, "dig", "@127.0.0.11", "+tries=1", "+time=4", *args, check=False)


def eventually(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.02)


class Things:
    """Makes containers and networks, and removes them afterwards."""

    def __init__(self):
        self.containers, self.networks = [], []

    def run(self, name, *options, command=("sleep", "600")):
        self.containers.append(name)
        davit("run", "-d", "--name", name, *options, "busybox", *command)
        return name

    def network(self, name, *options):
        self.networks.append(name)
        davit("network", "create", *options, name)
        return name

    def close(self):
        if self.containers:
            davit("rm", "-f", "-v", *self.containers, check=False)
        if self.networks:
            davit("network", "rm", *self.networks, check=False)


@pytest.fixture
def things():
    t = Things()
    yield t
    engine("start") if davit("version", check=False).returncode else None
    t.close()
