"""What the tests share: the engine's socket, raw requests, docker-py, containers that are removed afterwards."""
import json
import os
import socket
import time

import docker
import pytest

PATH = os.environ["DOCKER_HOST"].removeprefix("unix://")


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(PATH)
    return s


def read_all(s):
    data = b""
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:
            return data
        if not part:
            return data
        data += part


class Answer:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        if self.headers.get("transfer-encoding") == "chunked":
            body = unchunk(body)
        self.body = body

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json()["message"]


def unchunk(data):
    out = b""
    while True:
        size, data = data.split(b"\r\n", 1)
        n = int(size, 16)
        if n == 0:
            return out
        out, data = out + data[:n], data[n + 2:]


def exchange(data, shut=False):
    """Sends raw bytes, returns the (last) answer of a connection that the server closes."""
    with connect() as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        head, body = read_all(s).split(b"\r\n\r\n", 1)
        return Answer(head, body)


def request(method, path, body=b"", headers=None, version="/v1.51"):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **(headers or {})}
    lines = [f"{method} {version}{path} HTTP/1.1", "Host: d", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
    return exchange("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def eventually(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def client():
    c = docker.DockerClient(base_url="unix://" + PATH, timeout=20)
    yield c
    c.close()


@pytest.fixture
def containers(client):
    """create(**docker-py's arguments) → a container, removed after the test."""
    made = []

    def create(command="sleep 60", start=True, **options):
        c = client.containers.create("busybox", command, **options)
        made.append(c)
        if start:
            c.start()
        return c

    yield create
    for c in made:
        try:
            c.remove(force=True, v=True)
        except docker.errors.NotFound:
            pass
