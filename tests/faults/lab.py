"""What the fault tests share: the engine of a tests/sandbox, its API, and the search for what was left behind."""
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

SANDBOX = pathlib.Path(os.environ["SANDBOX"])
SOCKET = os.environ["DOCKER_HOST"].removeprefix("unix://")
DAVIT = os.environ["DAVIT"]


class Connection(http.client.HTTPConnection):
    def __init__(self, timeout=60):
        super().__init__("davit", timeout=timeout)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(SOCKET)


class Lost(Exception):
    """The engine went away before it answered."""


def api(method, path, body=None, raw=None, timeout=60):
    """(status, parsed JSON or bytes)"""
    connection = Connection(timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, "/v1.51" + path, raw if raw is not None else json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException) as e:
        raise Lost(str(e)) from e
    finally:
        connection.close()
    try:
        return response.status, json.loads(data) if data else None
    except ValueError:
        return response.status, data


def patient(method, path, body=None, limit=60, attempts=None, **options):
    """As api(), through engines that come and go. Each try is appended to `attempts`."""
    end = time.monotonic() + limit
    while True:
        try:
            if attempts is not None:
                attempts.append(path)
            return api(method, path, body, **options)
        except Lost:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def engine(action):
    subprocess.run(["sandbox-engine", action], check=True)


def import_busybox():
    tar = subprocess.run([str(pathlib.Path(__file__).parents[1] / "parity/busybox-image")], check=True, capture_output=True).stdout
    subprocess.run([DAVIT, "import", "-c", 'CMD ["sh"]', "-", "busybox:latest"], input=tar, check=True, stdout=subprocess.DEVNULL)


def log_lines(container):
    """The lines on stdout of a container without a terminal."""
    _, data = patient("GET", f"/containers/{container}/logs?stdout=1&stderr=1")
    if data is None:
        return []
    out = b""
    while data:
        size = int.from_bytes(data[4:8], "big")
        out += data[8 : 8 + size]
        data = data[8 + size :]
    return out.decode().splitlines()


def processes():
    """Shims of this sandbox's engine."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (p / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "davit-shim" in command and str(SANDBOX) in command:
            found.append(f"{p.name}: {command}")
    return found


def leftovers(ids):
    """Everything that containers of these ids may have left on the machine."""
    found = [f"process {p}" for p in processes()]
    for line in open("/proc/self/mountinfo"):
        if any(i in line for i in ids):
            found.append(f"mount {line.strip()}")
    for root in ("/sys/fs/cgroup",):
        for i in ids:
            for level in ("*/davit/" + i, "davit/" + i, "*/*/" + i):
                found += [f"cgroup {p}" for p in pathlib.Path(root).glob(level)]
    links = subprocess.run(["ip", "-o", "link", "show", "type", "veth"], capture_output=True, text=True).stdout
    found += [f"veth {line}" for line in links.splitlines()]
    for folder in (SANDBOX / "data/containers", SANDBOX / "run/containers"):
        if folder.is_dir():
            found += [f"file {p}" for p in folder.iterdir()]
    for folder in (SANDBOX / "run/networks",):
        if folder.is_dir():
            found += [f"file {p}" for p in folder.rglob("*") if p.is_file() and p.name in ids]
    if (SANDBOX / "data/tmp").is_dir():
        found += [f"file {p}" for p in (SANDBOX / "data/tmp").iterdir()]
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
    found += [f"nft element {line.strip()}" for line in rules.splitlines() if re.search(r"(tcp|udp|sctp) \. \d+ : ", line)]
    return found


def settle(ids, limit=10):
    """Leftovers that are still there after the engine had its time."""
    end = time.monotonic() + limit
    while (found := leftovers(ids)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}: {detail}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
