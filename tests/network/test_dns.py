"""The embedded DNS server, asked with dig and with raw packets."""
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from conftest import FULL, davit, dig, engine, inside, inspect


class Server(threading.Thread):
    """An outer server: answers every A question with its address; a name "big…" with 100 records, cut for UDP."""

    def __init__(self, address, answer, silent=False):
        super().__init__(daemon=True)
        self.answer, self.silent, self.asked = socket.inet_aton(answer), silent, 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        threading.Thread(target=self.serve_tcp, daemon=True).start()
        self.start()

    def make(self, query, tcp):
        end = query.index(b"\0", 12) + 5
        big = query[13:16] == b"big"
        count, flags = (100 if tcp else 0, 0x8180 if tcp else 0x8380) if big else (1, 0x8180)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + self.answer
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + query[12:end] + record * count

    def run(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            if not self.silent:
                self.udp.sendto(self.make(query, False), peer)

    def serve_tcp(self):
        while True:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            with client:
                size = struct.unpack(">H", client.recv(2))[0]
                answer = self.make(client.recv(size), True)
                client.sendall(struct.pack(">H", len(answer)) + answer)

    def close(self):
        for s in (self.udp, self.tcp):
            s.shutdown(socket.SHUT_RDWR) if s is self.tcp else None
            s.close()


@pytest.fixture
def resolv_conf(tmp_path):
    """The sandbox's own /etc/resolv.conf, as a function that writes it."""
    path = tmp_path / "resolv.conf"
    path.write_text("")
    subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)
    engine("stop"), engine("start")  # only for containers that are started from now on

    def write(*servers):
        path.write_text("".join(f"nameserver {s}\n" for s in servers))

    yield write
    subprocess.run(["umount", "/etc/resolv.conf"], check=True)


@pytest.fixture
def servers():
    made = []

    def make(*args, **options):
        made.append(Server(*args, **options))
        return made[-1]

    yield make
    for s in made:
        s.close()


def test_types(things):
    things.network("n4"), things.network("n6", "--ipv6")
    things.run("web", "--network", "n4", "--network-alias", "www"), things.run("web6", "--network", "n6")
    address = inspect("web", "{{.NetworkSettings.Networks.n4.IPAddress}}")
    address6 = inspect("web6", "{{.NetworkSettings.Networks.n6.GlobalIPv6Address}}")
    for name in ("web", "WWW", "web.n4", inspect("web", "{{slice .Id 0 12}}")):
        for way in ("+notcp", "+tcp", "+noedns", "+bufsize=4096"):
            assert dig("web", name, way, "+short").split() == [address], (name, way)
    assert dig("web6", "web6", "AAAA", "+short").split() == [address6]
    assert dig("web6", "-x", address6, "+short").split() == ["web6.n6."]
    assert dig("web", "-x", address, "+short").split() == ["web.n4."]
    for kind in ("AAAA", "MX", "TXT"):  # known, but nothing of that type
        answer = dig("web", "web", kind)
        assert "status: NOERROR" in answer and "ANSWER: 0" in answer, kind
    full = dig("web", "web")
    assert re.search(r"web\.\s+600\s+IN\s+A", full) and "flags: qr rd ra;" in full
    assert int(re.search(r"Query time: (\d+)", full).group(1)) <= 500


def test_rotation_and_size(things):
    things.network("many")
    for i in range(40):
        things.run(f"m{i}", "--network", "many", "--network-alias", "all")
    seen = {dig("m0", "all", "+short", "+bufsize=4096").split()[0] for _ in range(40)}
    assert len(seen) == 40
    cut = dig("m0", "all", "+noedns", "+ignore")
    assert " tc " in cut.split("flags:")[1].split(";")[0] and int(re.search(r"MSG SIZE.*rcvd: (\d+)", cut).group(1)) <= 512
    assert len(dig("m0", "all", "+short", "+noedns").split()) == 40  # by TCP


def test_outer_servers(things, servers, resolv_conf):
    first, second = servers("127.0.0.53", "192.0.2.1"), servers("127.0.0.54", "192.0.2.2")
    resolv_conf("127.0.0.53")
    things.network("out"), things.run("cc", "--network", "out")
    assert dig("cc", "example.org", "+short").split() == ["192.0.2.1"]
    assert dig("cc", "example.org", "+short", "+tcp").split() == ["192.0.2.1"]
    assert len(dig("cc", "big.example.org", "+short").split()) == 100
    resolv_conf("127.0.0.54")  # the host's file changes: followed at once
    assert dig("cc", "example.org", "+short").split() == ["192.0.2.2"]
    first.silent = True
    resolv_conf("127.0.0.53", "127.0.0.54")
    began = time.monotonic()
    assert dig("cc", "example.org", "+short").split() == ["192.0.2.2"]
    assert time.monotonic() - began < 3
    asked = first.asked  # and the next does not wait for the dead one
    assert dig("cc", "example.org", "+short").split() == ["192.0.2.2"]
    assert first.asked == asked
    resolv_conf("127.0.0.77", "127.0.0.54")  # nobody listens there
    assert dig("cc", "example.net", "+short").split() == ["192.0.2.2"]
    engine("kill")
    assert dig("cc", "example.org", "+short").split() == ["192.0.2.2"]
    engine("start")
    things.network("in", "--internal"), things.run("in1", "--network", "in")
    assert "status: SERVFAIL" in dig("in1", "example.org") and "status: NOERROR" in dig("in1", "in1")


def test_garbage(things):
    things.network("g"), things.run("gg", "--network", "g")
    script = (
        "import random, socket\n"
        "random.seed(1)\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for i in range(3000): s.sendto(random.randbytes(random.randrange(600)), ('127.0.0.11', 53))\n"
        "for i in range(100):\n"
        "    t = socket.create_connection(('127.0.0.11', 53)); t.sendall(random.randbytes(random.randrange(1, 3000))); t.close()\n"
    )
    inside("gg", sys.executable, "-c", script)
    assert dig("gg", "gg", "+short").split() == [inspect("gg", "{{.NetworkSettings.Networks.g.IPAddress}}")]


LOAD = """
import socket, struct, sys, time
rate, seconds = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.11", 53)); s.settimeout(2)
question = struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + b"\\x04load\\x00" + struct.pack(">HH", 1, 1)
lost, times = 0, []
began = time.monotonic()
for i in range(rate * seconds):
    wait = began + i / rate - time.monotonic()
    if wait > 0: time.sleep(wait)
    at = time.perf_counter()
    s.send(struct.pack(">H", i & 0xffff) + question)
    try:
        while struct.unpack(">H", s.recv(512)[:2])[0] != i & 0xffff: pass
        times.append(time.perf_counter() - at)
    except TimeoutError: lost += 1
times.sort()
print(lost, int(times[len(times) // 2] * 1e6), time.monotonic() - began)
"""


def test_load(things):
    things.network("l"), things.run("load", "--network", "l")
    time.sleep(2.1)  # names that are older than that are not read again for each question
    lost, median, took = inside("load", sys.executable, "-c", LOAD, "1000", "10" if FULL else "2").split()
    print(f"{lost} lost, median {median} us, {took} s")
    assert int(lost) == 0 and int(median) < 1000 and float(took) < (11 if FULL else 3)


def test_own_server_on_53(things):
    things.network("own")
    things.run("own", "--network", "own", command=("sh", "-c", "nc -l -p 53 -e echo mine; sleep 600"))
    assert dig("own", "own", "+short", "+tcp").split() == [inspect("own", "{{.NetworkSettings.Networks.own.IPAddress}}")]
    assert "mine" in davit("exec", "own", "sh", "-c", "nc 127.0.0.1 53 </dev/null")


def test_links(things):
    things.network("ln"), things.run("target", "--network", "ln")
    things.run("cc", "--network", "ln", "--link", "target:db")
    assert dig("cc", "db", "+short") == dig("cc", "target", "+short") != ""
    assert dig("target", "db", "+short").strip() == ""


def test_names_after_connect(things):
    """A container of the default bridge gets names with its first user-defined network."""
    things.network("late"), things.run("late")
    assert "127.0.0.11" not in davit("exec", "late", "cat", "/etc/resolv.conf")
    davit("network", "connect", "late", "late")
    assert dig("late", "late", "+short").split() == [inspect("late", "{{.NetworkSettings.Networks.late.IPAddress}}")]
    assert "127.0.0.11" in davit("exec", "late", "cat", "/etc/resolv.conf")
