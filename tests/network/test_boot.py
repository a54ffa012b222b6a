"""After a boot (run directory and processes gone, another boot id) containers come back in their order."""
import os
import shutil
import signal
import subprocess
import time

from conftest import davit, engine, eventually, inspect

SANDBOX = os.environ["SANDBOX"]


def boot():
    """The machine goes down without a word and comes up again."""
    engine("kill")
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{p}/cmdline", "rb").read()
        except OSError:
            continue
        if command.startswith(b"davit-shim\0" + SANDBOX.encode()):
            children = open(f"/proc/{p}/task/{p}/children").read().split()
            for victim in (p, *children):
                os.kill(int(victim), signal.SIGKILL)
    time.sleep(0.2)
    shutil.rmtree(f"{SANDBOX}/run")
    os.mkdir(f"{SANDBOX}/run")
    open(f"{SANDBOX}/data/boot-id", "w").write("00000000-0000-0000-0000-000000000000")
    engine("start")


def status(name):
    return inspect(name, "{{.State.Status}}")


def labels(service, depends_on=""):
    wanted = {"project": "shop", "service": service, "depends_on": depends_on}
    return [x for k, v in wanted.items() for x in ("--label", f"com.docker.compose.{k}={v}")]


def test_policies(things):
    things.run("always", "--restart", "always"), things.run("unless", "--restart", "unless-stopped")
    things.run("stopped", "--restart", "unless-stopped"), things.run("stopped-always", "--restart", "always")
    things.run("plain"), things.run("failing", "--restart", "on-failure")
    davit("stop", "-t0", "stopped", "stopped-always")
    boot()
    for name in ("always", "unless", "stopped-always", "failing"):
        eventually(lambda: status(name) == "running")
    assert status("stopped") == "exited" and status("plain") == "exited"


def test_order(things):
    things.network("shop")
    started = lambda name: inspect(name, "{{.State.StartedAt}}")
    common = ("--restart", "always", "--network", "shop")
    things.run("web", *common, *labels("web", "app:service_started:false"))
    things.run("app", *common, *labels("app", "db:service_healthy:true,cache:service_started:false"))
    things.run("cache", *common, *labels("cache"))
    things.run("db", *common, *labels("db"), "--health-cmd", "test -e /ready || { sleep 1; touch /ready; false; }",
               "--health-interval", "200ms", "--health-retries", "20", command=("sh", "-c", "rm -f /ready; exec sleep 600"))
    eventually(lambda: inspect("db", "{{.State.Health.Status}}") == "healthy")
    things.run("child", "--restart", "always"), things.run("linker", "--restart", "always", "--link", "child:c")
    things.run("sharer", "--restart", "always", "--network", "container:web")
    boot()
    for name in ("web", "app", "db", "cache", "linker", "sharer"):
        eventually(lambda: status(name) == "running", 15)
    assert started("db") < started("app") < started("web") < started("sharer") and started("cache") < started("app")
    assert started("child") < started("linker")
    healthy = davit("inspect", "-f", "{{range .State.Health.Log}}{{if eq .ExitCode 0}}{{.End}} {{end}}{{end}}", "db").split()
    assert healthy and inspect("db", "{{.State.Health.Status}}") == "healthy"


def test_a_dead_dependency_keeps_nobody(things):
    things.run("gone", "--restart", "always", *labels("gone"))
    things.run("needy", "--restart", "always", *labels("needy", "gone:service_healthy:true,never:service_healthy:true"))
    boot()
    eventually(lambda: status("needy") == "running")
