import json
import time
from urllib.parse import quote

import pytest

from conftest import connect, eventually, request


def stream(query):
    """An open event stream whose head has come, and a reader of its lines."""
    s = connect()
    s.sendall(f"GET /v1.51/events?{query} HTTP/1.1\r\nHost: d\r\n\r\n".encode())
    f = s.makefile("rb")
    while f.readline() != b"\r\n":
        pass

    def lines():
        while True:
            size = int(f.readline(), 16)
            if size == 0:
                return
            yield json.loads(f.read(size))
            f.readline()

    return s, lines()


def filters(**wanted):
    return "filters=" + quote(json.dumps(wanted))


def test_live(containers):
    s, events = stream(filters(label=["api-live"], event=["create", "start", "die", "destroy"]))
    c = containers("true", labels={"api-live": "1"})
    c.wait()
    c.remove()
    seen = [next(events) for _ in range(4)]
    s.close()
    assert [e["Action"] for e in seen] == ["create", "start", "die", "destroy"]
    for e in seen:
        assert e["Type"] == "container" and e["scope"] == "local" and e["id"] == e["Actor"]["ID"] == c.id
        assert e["status"] == e["Action"] and e["from"] == "busybox" and e["timeNano"] // 10**9 == e["time"]
    assert seen[2]["Actor"]["Attributes"]["exitCode"] == "0"


def test_past_and_future(containers):
    since = time.time()
    c = containers(start=False)
    answer = request("GET", f"/events?since={since:.9f}&until={time.time() + 0.5:.9f}&" + filters(container=[c.id]))
    assert [json.loads(line)["Action"] for line in answer.body.splitlines()] == ["create"]
    assert answer.headers["content-type"] == "application/json"


def test_until_ends_the_stream():
    started = time.time()
    assert request("GET", f"/events?until={started + 1:.3f}").body == b""
    assert 0.9 < time.time() - started < 3


@pytest.mark.parametrize("query", ["since=x", "until=1.x", "since=20&until=10", "since=99999999999999999999", "filters=x"])
def test_bad_parameters(query):
    assert request("GET", "/events?" + query).status in (400, 500)


def test_objects_of_every_kind(client):
    since = f"{time.time():.9f}"
    client.volumes.create("api-ev").remove()
    client.images.get("busybox").tag("api-ev:1")
    client.images.remove("api-ev:1")
    time.sleep(0.05)
    answer = request("GET", f"/events?since={since}&until={time.time():.9f}")
    seen = [(e["Type"], e["Action"]) for e in map(json.loads, answer.body.splitlines())]
    assert [e for e in seen if e[0] != "container"] == [
        ("volume", "create"), ("volume", "destroy"), ("image", "tag"), ("image", "untag")]


def test_leaving_is_noticed():
    streams = [stream("")[0] for _ in range(10)]
    eventually(lambda: request("GET", "/info").json()["NEventsListener"] == 10)
    for s in streams:
        s.close()
    eventually(lambda: request("GET", "/info").json()["NEventsListener"] == 0)
