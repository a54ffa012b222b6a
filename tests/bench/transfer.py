"""Measures pull and push of a 250 MB image of 6 layers over loopback, and load of a layer of 250 MB and 14,000 files, by one
command line (docker, podman or davit); prints {"name": milliseconds or bytes} as JSON.

    transfer.py CLI RUNS [ENGINE_PID_FILE]

Needs docker-registry. Only the standard library: it runs inside the peers' lab too."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

cli, runs = sys.argv[1], int(sys.argv[2])
podman = os.path.basename(cli) == "podman"
insecure = ["--tls-verify=false"] if podman else []
arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
work = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("SANDBOX")))
random.seed(1)
words = [random.randbytes(random.randint(3, 12)) for _ in range(4000)]


def content(size):
    """Compresses to about a third, as programs do."""
    out = b"".join(random.choices(words, k=size // 7))
    return out[:size]


def layer(number, size, files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for i in range(files):
            data = content(size // files)
            info = tarfile.TarInfo(f"l{number}/d{i % 50}/f{i}")
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archive(path, name, layers, packed):
    """What `load` takes."""
    config = json.dumps({"architecture": arch, "os": "linux", "config": {"Cmd": ["x"]}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}}).encode()
    files = {f"{i}/layer.tar": gzip.compress(l, 6) if packed else l for i, l in enumerate(layers)}
    files["config.json"] = config
    files["manifest.json"] = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": list(files)[: len(layers)]}]).encode()
    with tarfile.open(path, "w") as t:
        for n, data in files.items():
            info = tarfile.TarInfo(n)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))


def call(*args, check=True):
    return subprocess.run([cli, *args], check=check, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def timed(*args, before):
    times = []
    for _ in range(runs + 1):
        before()
        start = time.perf_counter()
        call(*args)
        times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times[1:]), 1)


class Peak(threading.Thread):
    """The engine's largest PSS while it runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.on = pid, 0, True

    def run(self):
        while self.on:
            with open(f"/proc/{self.pid}/smaps_rollup") as f:
                for line in f:
                    if line.startswith("Pss:"):
                        self.peak = max(self.peak, int(line.split()[1]) * 1024)
            time.sleep(0.02)


with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
name = f"127.0.0.1:{port}/bench/image:1"
archive(work / "six.tar", name, [layer(i, 250_000_000 // 6, 700) for i in range(6)], False)
archive(work / "one.tar", "bench-one:1", [layer(0, 250_000_000, 14000)], True)
(work / "config.yml").write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {work}/data}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n")
registry = subprocess.Popen(["docker-registry", "serve", work / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
out = {}
try:
    out["load 250 MB layer"] = timed("load", "-q", "-i", str(work / "one.tar"), before=lambda: call("rmi", "-f", "bench-one:1", check=False))
    call("rmi", "-f", "bench-one:1")
    call("load", "-q", "-i", str(work / "six.tar"))
    out["push 250 MB, 6 layers"] = timed("push", "-q", *insecure, name, before=lambda: shutil.rmtree(work / "data", ignore_errors=True))
    peak = None
    if len(sys.argv) > 3:
        with open(sys.argv[3]) as f:
            peak = Peak(int(f.read()))
        peak.start()
    out["pull 250 MB, 6 layers"] = timed("pull", "-q", *insecure, name, before=lambda: call("rmi", "-f", name, check=False))
    if peak:
        peak.on = False
        out["engine memory, pulling"] = peak.peak
    call("rmi", "-f", name)
finally:
    registry.kill()
    shutil.rmtree(work)
print(json.dumps(out))
