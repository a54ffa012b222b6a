"""The disk is full while importing, committing and logging: a clear error, nothing half-made, everything goes on after."""
import subprocess
import time

from lab import SANDBOX, Score, api, engine, import_busybox, log_lines, patient

score = Score()
data = SANDBOX / "data"
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(data)], check=True)
engine("start")
import_busybox()


def free():
    """What the data folder can still take, after the engine's own clean-up."""
    return subprocess.run(["df", "--output=avail", str(data)], capture_output=True, text=True, check=True).stdout.split()[1]


before = free()
big = subprocess.run("d=$(mktemp -d); head -c 60M /dev/urandom >$d/big; tar -C $d -cf - big; rm -rf $d", shell=True, capture_output=True).stdout
status, answer = api("POST", "/images/create?fromSrc=-&repo=big", raw=big, timeout=120)
text = str(answer)
score.check("an import that does not fit fails", status >= 400 or "error" in text.lower(), f"{status} {text[:200]}")
score.check("and says why", "No space left" in text or "no space left" in text, text[:300])
score.check("and leaves no image", all("big" not in str(i.get("RepoTags")) for i in api("GET", "/images/json")[1]))
score.check("and no file in tmp", not list((data / "tmp").iterdir()), str(list((data / "tmp").iterdir())))

status, answer = api("POST", "/containers/create?name=filler", {"Image": "busybox", "Cmd": [
    "sh", "-c", "dd if=/dev/zero of=/fill bs=1M count=100 2>/dev/null; echo filled; sleep 0.2; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; exit 7"]})
container = answer["Id"]
api("POST", f"/containers/{container}/start")
status, answer = api("POST", f"/containers/{container}/wait")
score.check("a container that fills the disk ends with its own code", answer and answer.get("StatusCode") == 7, str(answer))
status, answer = api("POST", f"/commit?container={container}&repo=full")
score.check("a commit that does not fit fails", status >= 400 or "No space" in str(answer), f"{status} {answer}")
score.check("and leaves no image", all("full" not in str(i.get("RepoTags")) for i in api("GET", "/images/json")[1]))
score.check("ps answers on a full disk", api("GET", "/containers/json?all=1")[0] == 200)
score.check("rm works on a full disk", api("DELETE", f"/containers/{container}")[0] == 204)
score.check("and gives the room back", int(free()) > int(before) - 2048, f"{before} before, {free()} after")
status, answer = api("POST", "/containers/create?name=after", {"Image": "busybox", "Cmd": ["echo", "well"]})
score.check("everything goes on", api("POST", f"/containers/{answer['Id']}/start")[0] == 204)
patient("POST", f"/containers/{answer['Id']}/wait")
score.check("with its log", log_lines(answer["Id"]) == ["well"], str(log_lines(answer["Id"])))
api("DELETE", f"/containers/{answer['Id']}")
engine("stop")
subprocess.run(["umount", "-l", str(data)], check=False)
score.end()
