"""The engine is killed while containers with published ports start: whatever runs afterwards is reached, also under
addresses that other containers had a moment ago, and nothing is left."""
import http.client
import random
import subprocess
import sys
import threading
import time

from lab import Lost, Score, api, engine, import_busybox, patient, settle

ROUNDS, CONTAINERS, FIRST = int(sys.argv[1]), 8, 21300
SERVER = "mkdir /w; echo hi > /w/index.html; exec httpd -f -p 80 -h /w"


def launch(number, network):
    body = {"Image": "busybox", "Cmd": ["sh", "-c", SERVER],
            "HostConfig": {"NetworkMode": network, "PortBindings": {"80/tcp": [{"HostPort": str(FIRST + number)}]}}}
    try:
        status, answer = api("POST", f"/containers/create?name=port{number}", body)
        if status == 201:
            api("POST", f"/containers/{answer['Id']}/start")
    except Lost:
        pass


def reached(port):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/")
            return connection.getresponse().read() == b"hi\n"
        except OSError:
            time.sleep(0.05)
    return False


score = Score()
import_busybox()
score.check("network", api("POST", "/networks/create", {"Name": "ports"})[0] == 201)
for _ in range(ROUNDS):
    threads = [threading.Thread(target=launch, args=(n, ("bridge", "ports")[n % 2])) for n in range(CONTAINERS)]
    for thread in threads:
        thread.start()
    time.sleep(random.random() * 0.6)
    engine("kill")
    for thread in threads:
        thread.join()
    engine("start")
    found = patient("GET", "/containers/json?all=1")[1]
    for container in found:
        number = int(container["Names"][0].removeprefix("/port"))
        if container["State"] != "running":
            score.check("starts", api("POST", f"/containers/{container['Id']}/start")[0] in (204, 304))
        score.check("is reached", reached(FIRST + number), container["Names"][0])
    for container in found:
        score.check("is removed", api("DELETE", f"/containers/{container['Id']}?force=1&v=1")[0] == 204)
    left = settle([container["Id"] for container in found])
    score.check("nothing is left", not left, "; ".join(left))
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout
    score.check("no rule of a port is left", " . 80" not in rules)
score.check("the network can go", api("DELETE", "/networks/ports")[0] == 204)
score.end()
