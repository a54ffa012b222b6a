"""What clients may do to the server: all of it must end in an answer or a closed connection, and nothing may stay."""
import json
import os
import socket
import threading
import time

import pytest

from conftest import PATH, Answer, connect, eventually, exchange, read_all, request


def engine_pid():
    with connect() as s:
        import struct
        return struct.unpack("3i", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def threads():
    return len(os.listdir(f"/proc/{engine_pid()}/task"))


def descriptors():
    return len(os.listdir(f"/proc/{engine_pid()}/fd"))


@pytest.mark.parametrize("data", [
    b"GARBAGE\r\n\r\n",
    b"GET /_ping\r\n\r\n",
    b"GET /_ping HTTP/3.0\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost : d\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nA: b\r\n c\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: \0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
])
def test_malformed_heads(data):
    assert exchange(data).status == 400


def test_missing_host():
    assert exchange(b"GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n").status == 400


@pytest.mark.parametrize("head", [
    b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
    b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
])
def test_huge_heads(head):
    with connect() as s:
        try:
            s.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(s)
    assert b" 431 " in answer.split(b"\r\n")[0]


def test_slow_heads_hold_nobody_up():
    slow = [connect() for _ in range(50)]
    for s in slow:
        s.sendall(b"GET /_ping HTTP/1.1\r\nHos")
    started = time.monotonic()
    for s in slow:
        s.sendall(b"t: ")
        assert request("GET", "/_ping").body == b"OK"
    assert time.monotonic() - started < 5
    for s in slow:
        s.sendall(b"d\r\nConnection: close\r\n\r\n")
        assert read_all(s).endswith(b"OK")
        s.close()


def test_pipelined_requests():
    with connect() as s:
        s.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n" * 3 +
                  b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
        assert read_all(s).count(b"HTTP/1.1 200 OK") == 4


def test_http_1_0():
    answer = exchange(b"GET /_ping HTTP/1.0\r\n\r\n")
    assert answer.status == 200 and answer.body == b"OK"
    answer = exchange(b"GET /events?since=1&until=2 HTTP/1.0\r\n\r\n")
    assert answer.status == 200 and "transfer-encoding" not in answer.headers


def test_half_close_after_the_request():
    answer = exchange(b"GET /version HTTP/1.1\r\nHost: d\r\n\r\n", shut=True)
    assert answer.json()["ApiVersion"] == "1.51"


def test_head_has_no_body():
    answer = exchange(b"HEAD /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert answer.status == 200 and answer.body == b"" and answer.headers["content-length"] == "2"


def test_options():
    assert request("OPTIONS", "/containers/json").status == 200


def test_chunked_request_body():
    body = b'{"Name":"api-chunked"}'
    data = b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n"
    answer = exchange(b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n" + data)
    assert answer.status == 201 and answer.json()["Name"] == "api-chunked"
    assert request("DELETE", "/volumes/api-chunked").status == 204


def test_broken_chunked_body():
    answer = exchange(b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")
    assert answer.status == 400


def test_body_that_ends_early():
    answer = exchange(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 100\r\n\r\n{", shut=True)
    assert answer.status == 400


def test_expect_continue():
    with connect() as s:
        s.sendall(b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 21\r\nExpect: 100-continue\r\n\r\n")
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b'{"Name":"api-expect"}')
        assert b"201 Created" in read_all(s)
    request("DELETE", "/volumes/api-expect")


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [
    b"{not json", b"[]", b"1", b'"x"', b'{"Image":1}', b'{"Image":"busybox"} x', b'{"Image":"busybox"', b"\xff\xfe",
    b'{"Image":"\xff"}', b'{"Image":"busybox","Cmd":[["x"]]}', b'{"Image":"busybox","Env":"A=b"}',
    b'{"Image":"busybox","HostConfig":{"Memory":1e400}}', b'{"Image":"busybox","HostConfig":{"Memory":99999999999999999999}}',
    b'{"Image":"busybox","Cmd":["a\\u0000b"]}', b"[" * 100000, b'{"a":' * 5000, b'{"Image":"' + b"a" * 100000 + b'"}',
])
def test_bad_json(body):
    answer = request("POST", "/containers/create", body, JSON)
    assert answer.status in (400, 404), answer.body
    assert answer.message


def test_json_has_a_cap():
    with connect() as s:
        s.sendall(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 40000000\r\n\r\n")
        try:
            for _ in range(40):
                s.sendall(b" " * 1000000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = read_all(s)
    assert b" 400 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("path", ["/containers/%00/json", "/containers/%zz/json", "/containers/json?all=%zz",
                                  "/containers/json?x=%ff", "/containers/%ff/json", "/containers/" + "a" * 5000 + "/json",
                                  "/images/../../etc/passwd/json", "/containers//json", "/volumes/..%2f..", "/%", "/v1.51", "/"])
def test_odd_paths(path):
    answer = request("GET", path)
    assert answer.status in (400, 404), answer.body
    assert answer.message


@pytest.mark.parametrize("filters", ["nonsense", "[]", '{"a":1}', '{"label":{"a":"b"}}', "{", "%00"])
def test_bad_filters(filters):
    from urllib.parse import quote
    answer = request("GET", "/containers/json?filters=" + (filters if filters.startswith("%") else quote(filters)))
    assert answer.status == 400


def test_both_forms_of_filters(containers):
    from urllib.parse import quote
    c = containers(start=False, labels={"api-form": "1"})
    for form in ({"label": ["api-form=1"]}, {"label": {"api-form=1": True}}):
        found = request("GET", "/containers/json?all=1&filters=" + quote(json.dumps(form))).json()
        assert [f["Id"] for f in found] == [c.id]


def test_versions():
    assert request("GET", "/info", version="/v1.24").status == 200
    assert request("GET", "/info", version="").status == 200
    old, new = request("GET", "/info", version="/v1.23"), request("GET", "/info", version="/v1.99")
    assert old.status == new.status == 400
    assert old.message.startswith("client version 1.23 is too old. Minimum supported API version is 1.24")
    assert new.message == "client version 1.99 is too new. Maximum supported API version is 1.51"


def test_clients_that_vanish_leave_nothing():
    request("GET", "/_ping")
    before_threads, before_fds = threads(), descriptors()
    for data in (b"", b"GET /ev", b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n",
                 b"POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\nxx"):
        crowd = [connect() for _ in range(25)]
        for s in crowd:
            s.sendall(data)
        time.sleep(0.1)
        for s in crowd:
            s.close()
    # Connections that were closed with unread data linger for two seconds.
    eventually(lambda: threads() <= before_threads + 1 and descriptors() <= before_fds + 2, 10)
    assert request("GET", "/info").json()["NEventsListener"] == 0


def test_many_connections_at_once():
    results = []

    def ask():
        results.append(request("GET", "/_ping").status)

    crowd = [threading.Thread(target=ask) for _ in range(200)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    assert results == [200] * 200
