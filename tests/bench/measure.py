"""Measures one command line (docker, podman or davit) and prints {"name": milliseconds or bytes} as JSON.

    measure.py CLI RUNS [ENGINE_PID_FILE]

Every figure is the median of RUNS runs after two that don't count. The image `busybox` must be there. Only the standard
library: it runs inside the peers' lab too.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

cli, runs = sys.argv[1], int(sys.argv[2])
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def call(*args, check=True):
    return subprocess.run([cli, *args], check=check, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.strip()


def timed(*args, after=None, env=None):
    times = []
    for i in range(runs + 2):
        start = time.perf_counter()
        subprocess.run([cli, *args], check=True, env=env, **quiet)
        times.append((time.perf_counter() - start) * 1000)
        if after:
            after()
    return round(statistics.median(times[2:]), 2)


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def guardian(pid):
    """The process beside a container that lives as long as it does: the parent of its init, unless that is pid 1."""
    with open(f"/proc/{pid}/stat") as f:
        parent = int(f.read().rsplit(")", 1)[1].split()[1])
    return parent if parent > 1 else None


out = {}
out["run --rm"] = timed("run", "--rm", "busybox", "true")
out["run --rm --network none"] = timed("run", "--rm", "--network", "none", "busybox", "true")
name = call("run", "-d", "--name", "bench-exec", "busybox", "sleep", "1000") and "bench-exec"
out["exec"] = timed("exec", name, "true")
out["ps"] = timed("ps")
out["logs"] = timed("logs", name)
pid = int(call("inspect", "-f", "{{.State.Pid}}", name))
beside = guardian(pid)
if beside:
    out["memory per container"] = pss(beside)
call("rm", "-f", name)
out["version"] = timed("--version")
if os.environ.get("BENCH_BUILD", "1") == "1":
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/Dockerfile", "w") as f:
            f.write("FROM busybox\nWORKDIR /app\nCOPY a.txt .\nRUN echo built >b.txt\nCMD [\"true\"]\n")
        with open(f"{folder}/a.txt", "w") as f:
            f.write("a\n")
        try:
            subprocess.run([cli, "build", "-q", "-t", "bench-built", folder], check=True, **quiet)
            out["cached build"] = timed("build", "-q", "-t", "bench-built", folder)
            call("rmi", "-f", "bench-built", check=False)
        except subprocess.CalledProcessError:
            pass
if len(sys.argv) > 3:
    with open(sys.argv[3]) as f:
        out["engine memory"] = pss(int(f.read()))
print(json.dumps(out))
