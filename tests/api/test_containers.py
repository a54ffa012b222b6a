"""docker-py in front of davitd, and what it does not do: half-closed attaches, WebSockets."""
import base64
import io
import json
import os
import socket
import struct
import tarfile
import time

import docker
import pytest

from conftest import connect, eventually, read_all, request


def test_run_and_logs(client):
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    with pytest.raises(docker.errors.ContainerError) as failure:
        client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    assert failure.value.exit_status == 3


def test_life(containers):
    c = containers()
    assert c.status == "created"
    c.reload()
    assert c.status == "running"
    c.pause()
    c.reload()
    assert c.status == "paused"
    c.unpause()
    c.restart(timeout=0)
    c.rename("api-renamed")
    c.reload()
    assert c.name == "api-renamed" and c.status == "running"
    c.kill()
    assert c.wait()["StatusCode"] == 137
    c.stop()


def test_exec(containers):
    c = containers()
    code, (out, err) = c.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"], demux=True)
    assert (code, out, err) == (4, b"out\n", b"err\n")
    assert c.exec_run("tty", tty=True).output == b"/dev/pts/0\r\n"
    assert c.exec_run("pwd", workdir="/tmp").output == b"/tmp\n"
    assert c.exec_run("true", detach=True).output in (b"", "")


def test_archive(containers):
    c = containers(start=False)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        entry = tarfile.TarInfo("dir/file")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    assert c.put_archive("/tmp", data.getvalue())
    bits, stat = c.get_archive("/tmp/dir/file")
    assert stat["name"] == "file" and stat["size"] == 5
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
        assert tar.extractfile("file").read() == b"hello"
    assert {"Path": "/tmp/dir/file", "Kind": 1} in c.diff()


def test_stats_top_update(containers):
    c = containers(mem_limit="64m")
    one = c.stats(stream=False)
    assert one["memory_stats"]["limit"] == 64 << 20 and one["precpu_stats"]["cpu_usage"]["total_usage"] > 0
    stream = c.stats(decode=True)
    assert next(stream)["name"] == "/" + c.name
    stream.close()
    assert c.top()["Processes"][0][-1] == "sleep 60"
    c.update(mem_limit="128m", memswap_limit="256m")
    c.reload()
    assert c.attrs["HostConfig"]["Memory"] == 128 << 20


def test_commit_image_volume_network(client, containers):
    c = containers(["sh", "-c", "echo data >/made"])
    c.wait()
    image = c.commit("api-commit", "v1", changes='CMD ["cat","/made"]')
    assert client.containers.run(image, remove=True) == b"data\n"
    saved = b"".join(image.save(named=True))
    client.images.remove("api-commit:v1", force=True)
    loaded = client.images.load(saved)
    assert loaded[0].tags == ["api-commit:v1"]
    client.images.remove("api-commit:v1")
    volume = client.volumes.create("api-volume", labels={"a": "b"})
    assert client.volumes.get("api-volume").attrs["Labels"] == {"a": "b"}
    client.containers.run("busybox", "touch /v/x", volumes={"api-volume": {"bind": "/v", "mode": "rw"}}, remove=True)
    volume.remove()
    assert "bridge" in [n.name for n in client.networks.list()]


def test_errors(client):
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("api-none")
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("api-none")
    with pytest.raises(docker.errors.APIError) as failure:
        client.containers.create("busybox", name="bad name")
    assert failure.value.status_code == 400


def hijack(path, upgrade=True, body=b""):
    s = connect()
    lines = f"POST /v1.51{path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    if upgrade:
        lines += "Upgrade: tcp\r\nConnection: Upgrade\r\n"
    s.sendall(lines.encode() + b"\r\n" + body)
    data = b""
    while b"\r\n\r\n" not in data:
        data += s.recv(4096)
    head, rest = data.split(b"\r\n\r\n", 1)
    return s, head.decode(), rest


def frames(data):
    out = {}
    while data:
        kind, n = struct.unpack(">BxxxI", data[:8])
        out[kind] = out.get(kind, b"") + data[8:8 + n]
        data = data[8 + n:]
    return out


def test_attach_half_close(containers):
    c = containers("cat", stdin_open=True)
    s, head, rest = hijack(f"/containers/{c.id}/attach?stream=1&stdin=1&stdout=1")
    assert head.startswith("HTTP/1.1 101 UPGRADED") and "vnd.docker.multiplexed-stream" in head
    payload = os.urandom(300000)
    sent = 0
    s.settimeout(10)
    while sent < len(payload):
        sent += s.send(payload[sent:sent + 4096])
        rest += s.recv(65536)
    s.shutdown(socket.SHUT_WR)
    assert frames(rest + read_all(s))[1] == payload


def test_attach_with_early_bytes(containers):
    c = containers("cat", stdin_open=True)
    with connect() as s:
        s.sendall(f"POST /containers/{c.id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n"
                  "Connection: Upgrade\r\n\r\nearly\n".encode())
        data = s.recv(4096)
        s.shutdown(socket.SHUT_WR)
        assert frames((data + read_all(s)).split(b"\r\n\r\n", 1)[1])[1] == b"early\n"


def test_exec_hijack(containers):
    c = containers()
    made = request("POST", f"/containers/{c.id}/exec",
                   {"AttachStdin": True, "AttachStdout": True, "Cmd": ["cat"]}).json()["Id"]
    s, head, rest = hijack(f"/exec/{made}/start", body=b"{}")
    assert head.startswith("HTTP/1.1 101")
    s.sendall(b"abc")
    s.shutdown(socket.SHUT_WR)
    assert frames(rest + read_all(s))[1] == b"abc"
    eventually(lambda: request("GET", f"/exec/{made}/json").json()["ExitCode"] == 0)


def test_wait_sends_its_head_at_once(containers):
    c = containers("sleep 1")
    with connect() as s:
        s.sendall(f"POST /containers/{c.id}/wait HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n".encode())
        s.settimeout(0.5)
        assert s.recv(4096).startswith(b"HTTP/1.1 200 OK")
        s.settimeout(10)
        assert b'{"StatusCode":0}' in read_all(s)


def test_logs_follow_ends_with_the_container(containers):
    c = containers(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"])
    assert b"".join(c.logs(stream=True, follow=True)) == b"1\n2\n3\n"


def websocket_frame(data, opcode=2):
    mask = b"\x01\x02\x03\x04"
    return bytes([0x80 | opcode, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def test_attach_websocket(containers):
    c = containers(["sh", "-c", "read l; echo got $l"], stdin_open=True)
    with connect() as s:
        s.sendall(f"GET /containers/{c.id}/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nOrigin: http://d\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        s.sendall(websocket_frame(b"ping", 9) + websocket_frame(b"hello\n"))
        head, data = read_all(s).split(b"\r\n\r\n", 1)
    assert b" 101 " in head and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    out = b""
    opcodes = []
    while data:
        opcodes.append(data[0] & 15)
        n = data[1]
        if opcodes[-1] == 2:
            out += data[2:2 + n]
        data = data[2 + n:]
    assert out == b"got hello\n" and 10 in opcodes and opcodes[-1] == 8


def test_attach_websocket_needs_one(containers):
    c = containers()
    assert request("GET", f"/containers/{c.id}/attach/ws?stream=1").status == 400


def test_publish_filter_asks_for_host_ports(client, containers):
    c = containers(ports={"80/tcp": 21479})
    found = lambda port: [x.id for x in client.containers.list(filters={"publish": port})]
    assert c.id in found("21479") and c.id in found("21400-21480/tcp")
    assert found("80") == [] and found("21479/udp") == []
    with pytest.raises(docker.errors.APIError) as failure:
        client.containers.list(filters={"publish": "x"})
    assert 'error while looking up for publish x: strconv.ParseUint: parsing "x"' in str(failure.value)


def test_first_memory_limit_needs_one_for_swap(client, containers):
    c = containers()
    with pytest.raises(docker.errors.APIError) as failure:
        c.update(mem_limit="50m")
    assert "update the memoryswap at the same time" in str(failure.value)
    c.update(mem_limit="50m", memswap_limit="60m")
    c.reload()
    assert c.attrs["HostConfig"]["Memory"] == 50 << 20


def test_device_requests_fail_at_the_start(client):
    wanted = docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])
    c = client.containers.create("busybox", "true", device_requests=[wanted])
    try:
        assert c.attrs["HostConfig"]["DeviceRequests"][0]["Count"] == -1
        with pytest.raises(docker.errors.APIError) as failure:
            c.start()
        assert 'could not select device driver "" with capabilities: [[gpu]]' in str(failure.value)
    finally:
        c.remove()


def test_host_namespaces_have_no_label(client):
    c = client.containers.create("busybox", "true", ipc_mode="host", working_dir="/a/../b/")
    try:
        assert c.attrs["HostConfig"]["SecurityOpt"] == ["label=disable"]
        assert c.attrs["Config"]["WorkingDir"] == "/b"
    finally:
        c.remove()
