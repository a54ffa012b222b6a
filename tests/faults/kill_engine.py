"""davitd is killed at random moments while 20 containers start, log, exit and are removed.

Nothing may be lost: no container that was acknowledged, no log line, no exit code; nothing may be left over.
    kill_engine.py [ROUNDS] [SEED]
"""
import random
import sys
import threading
import time

from lab import Lost, Score, api, engine, import_busybox, log_lines, patient, settle

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
random.seed(seed)
CONTAINERS, LINES = 20, 30
score = Score()
print(f"seed {seed}")


def life(number, code, problems, ids):
    """Creates, starts, waits for, checks and removes one container, whatever happens to the engine."""
    name, starts = f"fault-{number}", []
    body = {"Image": "busybox", "Cmd": ["sh", "-c", f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; done; exit {code}"]}
    try:
        status, answer = patient("POST", f"/containers/create?name={name}", body)
        if status == 409:  # created by a call whose answer was lost
            status, answer = patient("GET", f"/containers/{name}/json")
        container = answer["Id"]
        ids.append(container)
        status, answer = patient("POST", f"/containers/{container}/start", attempts=starts)
        if status not in (204, 304):
            # A start that the engine's death interrupted may be repeated.
            status, answer = patient("POST", f"/containers/{container}/start", attempts=starts)
        if status not in (204, 304):
            problems.append(f"{name}: start answers {status} {answer}")
            return
        status, answer = patient("POST", f"/containers/{container}/wait")
        state = patient("GET", f"/containers/{container}/json")[1]["State"]
        if state["Status"] == "created":  # the start itself was lost before it began
            patient("POST", f"/containers/{container}/start", attempts=starts)
            patient("POST", f"/containers/{container}/wait")
            state = patient("GET", f"/containers/{container}/json")[1]["State"]
        if state["Status"] != "exited" or state["ExitCode"] != code:
            problems.append(f"{name}: {state['Status']} with {state['ExitCode']}, expected exited with {code}")
        lines = log_lines(container)
        # A start whose answer was lost is repeated: when the container had ended by then, it runs once more. Whole runs only, and
        # no more of them than there were calls.
        runs = len(lines) // LINES
        if not 1 <= runs <= len(starts) or lines != [f"line {i + 1}" for i in range(LINES)] * runs:
            problems.append(f"{name}: {len(lines)} log lines: {lines[:2]} … {lines[-2:]}")
        status, answer = patient("DELETE", f"/containers/{container}")
        if status not in (204, 404):
            problems.append(f"{name}: rm answers {status} {answer}")
    except (Lost, KeyError, TypeError) as e:
        problems.append(f"{name}: {e!r}")


import_busybox()
for turn in range(rounds):
    problems, ids = [], []
    threads = [threading.Thread(target=life, args=(f"{turn}-{i}", (turn * 7 + i) % 100, problems, ids)) for i in range(CONTAINERS)]
    for t in threads:
        t.start()
    time.sleep(random.uniform(0, 0.6))
    engine("kill")
    engine("start")
    for t in threads:
        t.join()
    score.check(f"round {turn}", not problems, "; ".join(problems[:5]))
    found = settle(ids)
    score.check(f"nothing is left after round {turn}", not found, "; ".join(found[:5]))
    status, answer = api("GET", "/containers/json?all=1")
    score.check(f"no container is left after round {turn}", answer == [], str(answer)[:300])
score.end()
