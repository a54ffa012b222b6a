"""N pulls and pushes (argument) through a proxy that drops, delays, truncates, corrupts and fails: each one ends right or with a
clear error, and in the end nothing half-made is stored, here or there."""
import gzip
import json
import os
import random
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

from registries import OCI, SANDBOX, DockerRegistry, Image, davit, digest, leftovers, tar

rounds, seed = int(sys.argv[1]), int(os.environ.get("FAULT_SEED", time.time_ns() % 100000))
rng = random.Random(seed)
failures = []
counts = {}


def fail(what):
    failures.append(what)
    print(f"FAILED: {what}", flush=True)


class FaultProxy:
    """TCP in, TCP out; what goes wrong with a connection is chosen when it is opened."""
    modes = ["none"] * 10 + ["cut answer"] * 3 + ["cut request"] * 2 + ["reset"] * 2 + ["flip answer", "flip request"] + ["delay"] * 3 + ["503"] * 2 + ["garbage"]

    def __init__(self, target):
        self.target, self.quiet = target, False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.connection, args=(client, "none" if self.quiet else rng.choice(self.modes), rng.random()), daemon=True).start()

    def connection(self, client, mode, chance):
        counts[mode] = counts.get(mode, 0) + 1
        try:
            if mode == "503":
                client.recv(65536)
                client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return client.close()
            if mode == "garbage":
                client.recv(65536)
                client.sendall(random.randbytes(200))
                return client.close()
            server = socket.create_connection(self.target)
        except OSError:
            return client.close()
        limit = int(10 ** (1 + chance * 5))  # 10 bytes to 1 MB
        a = threading.Thread(target=self.pump, args=(client, server, mode if "request" in mode or mode == "delay" else "none", limit), daemon=True)
        a.start()
        self.pump(server, client, mode if "answer" in mode or mode in ("reset", "delay") else "none", limit)
        return None

    def pump(self, source, sink, mode, limit):
        seen = 0
        try:
            while data := source.recv(65536):
                if mode == "delay" and seen < 1 << 20:
                    time.sleep(0.05)
                if mode.startswith("flip") and seen <= limit < seen + len(data):
                    data = bytearray(data)
                    data[limit - seen] ^= 1 << (limit % 8)
                if (mode.startswith("cut") or mode == "reset") and seen + len(data) > limit:
                    sink.sendall(data[: limit - seen])
                    break
                sink.sendall(data)
                seen += len(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                if mode == "reset":
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    s.close()
                else:
                    s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def ask(url, method="GET", data=None, **headers):
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as r:
        return r.read(), r.headers


def store(base, name, image):
    """Puts an image there directly."""
    for d, blob in image.blobs.items():
        _, headers = ask(f"{base}/v2/{name}/blobs/uploads/", "POST", b"")
        place = headers["Location"]
        ask(f"{place}{'&' if '?' in place else '?'}digest={d}", "PUT", blob, **{"Content-Type": "application/octet-stream"})
    ask(f"{base}/v2/{name}/manifests/1", "PUT", image.manifest, **{"Content-Type": image.tree["mediaType"]})


def clear_error(done, what):
    text = done.err.strip()
    if done.returncode == 0 or len(text) < 20 or len(text) > 2000 or "libcurl" in text or "assert" in text.lower():
        fail(f"{what}: no clear error: {done.returncode} {text[:300]!r}")


def pull(proxy, number, image):
    name = f"127.0.0.1:{proxy.port}/pull{number}:1"
    done = davit("pull", name)
    here = davit("image", "inspect", "-f", "{{.Id}}", name)
    if done.returncode:
        clear_error(done, name)
        if here.returncode == 0:
            fail(f"{name}: there is an image after {done.err.strip()[:200]}")
    elif here.out.strip() != digest(image.config):
        fail(f"{name}: another image")
    else:
        davit("rmi", name, check=True)
    return done.returncode == 0


def there(base, name):
    """Is the pushed image whole?"""
    try:
        text, _ = ask(f"{base}/v2/{name}/manifests/1", Accept="application/vnd.docker.distribution.manifest.v2+json")
    except urllib.error.HTTPError:
        return None
    manifest = json.loads(text)
    for d in [manifest["config"], *manifest["layers"]]:
        blob, _ = ask(f"{base}/v2/{name}/blobs/{d['digest']}")
        if digest(blob) != d["digest"] or len(blob) != d["size"]:
            return False
    return digest(ask(f"{base}/v2/{name}/blobs/{manifest['config']['digest']}")[0])


def push(proxy, base, number, content):
    name = f"127.0.0.1:{proxy.port}/push{number}:1"
    davit("import", "-", name, stdin=content, check=True)
    id = davit("image", "inspect", "-f", "{{.Id}}", name, check=True).out.strip()
    done = davit("push", name)
    state = there(base, f"push{number}")
    if done.returncode:
        clear_error(done, name)
        if state not in (None, id):
            fail(f"{name}: half an image is there after {done.err.strip()[:200]}")
    elif state != id:
        fail(f"{name}: pushed, and there is {state}")
    davit("rmi", "-f", name, check=True)
    return done.returncode == 0


registry = DockerRegistry(SANDBOX / "registry")
base, proxy = f"http://{registry.name}", FaultProxy(("127.0.0.1", registry.port))
right = 0
for n in range(rounds):
    contents = [tar(**{f"f{i}": rng.randbytes(int(10 ** (2 + rng.random() * 4)))}) for i in range(rng.randint(1, 5))]
    if n % 2:
        right += push(proxy, base, n, contents[0])
    else:
        image = Image(*contents)
        store(base, f"pull{n}", image)
        right += pull(proxy, n, image)
left = leftovers()
if left:
    fail(f"left behind: {left[:10]}")
log = (SANDBOX / "davitd.log").read_text()
if "Sanitizer" in log or "assert" in log:
    fail("the engine's log: " + log[-2000:])
registry.stop()
print(f"{rounds} rounds (seed {seed}): {right} right, {rounds - right} clear errors; connections: {counts}")
print(f"{rounds - min(rounds, len(failures))} passed, {len(failures)} failed")
sys.exit(bool(failures))
