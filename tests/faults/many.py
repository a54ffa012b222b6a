"""200 containers at once start, answer and stop."""
import sys
import threading

from lab import Score, api, import_busybox, log_lines, patient, settle

count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
score = Score()
import_busybox()
ids, problems = [], []


def start(i):
    try:
        status, answer = patient("POST", f"/containers/create?name=many-{i}", {"Image": "busybox", "Cmd": [
            "sh", "-c", f"trap 'echo bye {i}; exit {i % 50}' TERM; echo hello {i}; while :; do sleep 1000 & wait $!; done"]})
        ids.append((i, answer["Id"]))
        status, answer = patient("POST", f"/containers/{answer['Id']}/start")
        if status != 204:
            problems.append(f"start {i}: {status} {answer}")
    except Exception as e:
        problems.append(f"{i}: {e!r}")


def stop(i, container):
    try:
        status, answer = patient("POST", f"/containers/{container}/stop?t=20")
        state = patient("GET", f"/containers/{container}/json")[1]["State"]
        lines = log_lines(container)
        if status != 204 or state["ExitCode"] != i % 50 or lines != [f"hello {i}", f"bye {i}"]:
            problems.append(f"stop {i}: {status}, exit {state['ExitCode']}, log {lines}")
        patient("DELETE", f"/containers/{container}")
    except Exception as e:
        problems.append(f"{i}: {e!r}")


def parallel(function, arguments):
    threads = [threading.Thread(target=function, args=a) for a in arguments]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


parallel(start, [(i,) for i in range(count)])
score.check("all start", not problems, "; ".join(problems[:5]))
problems.clear()
running = api("GET", "/containers/json")[1]
score.check("all run", len(running) == count, f"{len(running)} of {count}")
addresses = {c["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] for c in running}
score.check("each has an address of its own", len(addresses) == count, str(len(addresses)))
for i, container in ids[:10]:
    score.check(f"{i} answers", f"hello {i}" in log_lines(container))
parallel(stop, ids)
score.check("all stop with their codes and logs", not problems, "; ".join(problems[:5]))
found = settle([c for _, c in ids])
score.check("nothing is left", not found, "; ".join(found[:5]))
score.end()
