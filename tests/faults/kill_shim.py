"""The shim of a running container is killed: reported as such, and nothing of the container goes on living."""
import os
import pathlib
import signal
import time

from lab import Score, api, engine, import_busybox, patient, processes, settle

score = Score()
import_busybox()

def alive(pid):
    """Not ended: a zombie that nobody has reaped yet has."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


for engine_up in (True, False):
    status, answer = api("POST", "/containers/create?name=shim", {"Image": "busybox", "Cmd": ["sleep", "1000"]})
    container = answer["Id"]
    score.check("start", api("POST", f"/containers/{container}/start")[0] == 204)
    init = api("GET", f"/containers/{container}/json")[1]["State"]["Pid"]
    shims = [int(p.split(":")[0]) for p in processes()]
    score.check("one shim", len(shims) == 1, str(shims))
    if not engine_up:
        engine("kill")
    for pid in shims:
        os.kill(pid, signal.SIGKILL)
    if not engine_up:
        engine("start")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        state = patient("GET", f"/containers/{container}/json")[1]["State"]
        if not state["Running"]:
            break
        time.sleep(0.02)
    score.check("the container is reported as not running", not state["Running"] and state["ExitCode"] != 0, str(state))
    while time.monotonic() < end and alive(init):
        time.sleep(0.02)
    score.check("its processes are gone", not alive(init), pathlib.Path(f"/proc/{init}/status").read_text() if alive(init) else "")
    score.check("it starts again", api("POST", f"/containers/{container}/start")[0] == 204)
    score.check("it can be removed", api("DELETE", f"/containers/{container}?force=1")[0] == 204)
    found = settle([container])
    score.check("nothing is left", not found, "; ".join(found))
score.end()
