"""What a hostile or careless client sends: a clear error with status 400 (or another 4xx), nothing stored, no crash."""
import io
import json
import pathlib
import socket
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "faults"))
from lab import SANDBOX, SOCKET, Score, api, import_busybox  # noqa: E402

score = Score()
import_busybox()


def listing():
    """What is stored, to be the same before and after."""
    images = sorted(i["Id"] for i in api("GET", "/images/json?all=1")[1])
    containers = sorted(c["Id"] for c in api("GET", "/containers/json?all=1")[1])
    volumes = sorted(v["Name"] for v in api("GET", "/volumes")[1]["Volumes"] or [])
    tmp = sorted(p.name for p in (SANDBOX / "data/tmp").iterdir())
    layers = sorted(p.name for p in (SANDBOX / "data/layers/sha256").iterdir())
    return images, containers, volumes, tmp, layers


before = listing()


def refused(what, status, answer, allowed=range(400, 500)):
    message = answer.get("message") if isinstance(answer, dict) else None
    score.check(f"{what}: refused", status in allowed, f"{status} {str(answer)[:200]}")
    score.check(f"{what}: says why", bool(message), str(answer)[:200])
    score.check(f"{what}: nothing stored", listing() == before, str(listing())[:300])


def create(body, name=""):
    return api("POST", "/containers/create" + (f"?name={name}" if name else ""), body)


# JSON
for what, text in {
    "not JSON": b"{", "an array": b"[]", "a string": b'"x"', "two values": b"{} {}", "a wrong type": b'{"Image": 5}', "nested": b'{"Image":"busybox","HostConfig":"x"}',
    "a list of numbers": b'{"Image":"busybox","Cmd":[1]}', "invalid UTF-8": b'{"Image":"busybox","Cmd":["\xff\xfe"]}', "a NUL": b'{"Image":"busybox","Cmd":["a\\u0000b"]}',
    "100 deep": b'{"Image":' + b"[" * 100 + b"]" * 100 + b"}", "empty": b"", "huge number": b'{"Image":"busybox","HostConfig":{"Memory":99999999999999999999999}}',
    "fraction": b'{"Image":"busybox","HostConfig":{"Memory":1.5}}',
}.items():
    status, answer = api("POST", "/containers/create", raw=text)
    refused(f"create with {what}", status, answer)

# Values
for what, body in {
    "memory below the minimum": {"HostConfig": {"Memory": 1}}, "negative memory": {"HostConfig": {"Memory": -5}}, "negative cpus": {"HostConfig": {"NanoCpus": -1}},
    "an absurd swappiness": {"HostConfig": {"MemorySwappiness": 5000}}, "an unknown network": {"HostConfig": {"NetworkMode": "no-such-net"}},
    "an unknown capability": {"HostConfig": {"CapAdd": ["NOT_A_CAP"]}}, "a relative bind": {"HostConfig": {"Binds": ["/etc:relative"]}},
    "a bind onto the root": {"HostConfig": {"Binds": ["/etc:/"]}}, "a volume name with slashes": {"HostConfig": {"Binds": ["../../x:/d"]}},
    "a port too large": {"HostConfig": {"PortBindings": {"99999/tcp": [{"HostPort": "1"}]}}}, "a host port too large": {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "70000"}]}}},
    "a port of letters": {"ExposedPorts": {"abc/tcp": {}}}, "an unknown restart policy": {"HostConfig": {"RestartPolicy": {"Name": "sometimes"}}},
    "an unknown log driver": {"HostConfig": {"LogConfig": {"Type": "no-such-driver"}}}, "an unknown runtime": {"HostConfig": {"Runtime": "no-such-runtime"}},
    "a bad environment": {"Env": ["=x"]}, "a relative working directory": {"WorkingDir": "relative"}, "a bad hostname": {"Hostname": "a b/c"},
    "a bad signal": {"StopSignal": "SIGNOPE"}, "a bad seccomp profile": {"HostConfig": {"SecurityOpt": ["seccomp={"]}},
    "an unknown security option": {"HostConfig": {"SecurityOpt": ["what=ever"]}}, "a bad ulimit": {"HostConfig": {"Ulimits": [{"Name": "nope", "Soft": 1, "Hard": 1}]}},
}.items():
    status, answer = create({"Image": "busybox", **body})
    if status == 201:  # some are only known to be wrong when the container starts, as with Docker
        container = answer["Id"]
        status, answer = api("POST", f"/containers/{container}/start")
        api("DELETE", f"/containers/{container}?force=1&v=1")
    refused(f"create with {what}", status, answer, range(400, 502))

# Names: every character that may not be in one
for c in "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~ \t\x01\x7f\u00e9":
    quoted = "".join(f"%{b:02X}" for b in c.encode())
    refused(f"container name with {c!r}", *create({"Image": "busybox"}, f"a{quoted}b"))
    refused(f"volume name with {c!r}", *api("POST", "/volumes/create", {"Name": f"a{c}b"}))
for name in (".hidden", "-dash", "_under", "a" * 5000):
    refused(f"container name {name[:10]}", *create({"Image": "busybox"}, name), allowed=range(400, 432))
for reference in ("UPPER", "a b", "a//b", "a@sha256:zz", ":tag", "x" * 300, "a:" + "t" * 200):
    quoted = "".join(f"%{b:02X}" for b in reference.encode())
    refused(f"tag as {reference[:10]}", *api("POST", f"/images/busybox/tag?repo={quoted}"))


# Archives
def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for e in entries:
            info = tarfile.TarInfo(e["name"])
            for k, v in e.items():
                if k not in ("name", "data"):
                    setattr(info, k, v)
            data = e.get("data", b"")
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


outside = SANDBOX / "outside"
outside.mkdir()
(outside / "kept").write_text("kept")
climbing = {
    "..": tar({"name": "../escaped", "data": b"x"}),
    "a/../../..": tar({"name": "a/../../../escaped", "data": b"x"}),
    "a link and a file through it": tar({"name": "l", "type": tarfile.SYMTYPE, "linkname": str(outside)}, {"name": "l/escaped", "data": b"x"}),
    "a chain of links": tar({"name": "a", "type": tarfile.SYMTYPE, "linkname": "b"}, {"name": "b", "type": tarfile.SYMTYPE, "linkname": "../../../../../.." + str(outside)}, {"name": "a/escaped", "data": b"x"}),
    "a hard link out": tar({"name": "h", "type": tarfile.LNKTYPE, "linkname": "../../../../../.." + str(outside / "kept")}),
    "an absolute hard link": tar({"name": "h", "type": tarfile.LNKTYPE, "linkname": str(outside / "kept")}),
}
for what, data in climbing.items():
    status, answer = api("POST", "/images/create?fromSrc=-&repo=climb", raw=data)
    # What stays inside is fine (links resolve inside the root); what leaves must not.
    score.check(f"import with {what}: stays inside", sorted(p.name for p in outside.iterdir()) == ["kept"] and not list(SANDBOX.glob("**/escaped"))
                or all(str(p).startswith(str(SANDBOX / "data/layers")) for p in SANDBOX.glob("**/escaped")), str(list(SANDBOX.glob("**/escaped"))[:3]))
    api("DELETE", "/images/climb?force=1")
for what, data in {
    "not a tar": b"this is not a tar archive" * 100, "half a tar": tar({"name": "f", "data": b"x" * 100000})[:50000], "a broken checksum": tar({"name": "f"})[:148] + b"\0" * 364,
    "broken gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3broken", "broken zstd": b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "broken xz": b"\xfd7zXZ\0" + b"\xff" * 50,
}.items():
    status, answer = api("POST", "/images/create?fromSrc=-&repo=broken", raw=data)
    score.check(f"import of {what}: fails", status >= 400 or "error" in str(answer).lower(), f"{status} {str(answer)[:100]}")
    score.check(f"import of {what}: nothing stored", listing() == before, str(listing())[:300])
    status, answer = api("POST", "/images/load", raw=data)
    score.check(f"load of {what}: fails", status >= 400 or "error" in str(answer).lower(), f"{status} {str(answer)[:100]}")
    score.check(f"load of {what}: nothing stored", listing() == before, str(listing())[:300])
manifests = {
    "no layers": [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["nope/layer.tar"]}], "a config outside": [{"Config": "../../../etc/passwd", "RepoTags": None, "Layers": []}],
    "a number": 5, "an object": {}, "a bad name": [{"Config": "c.json", "RepoTags": ["A B"], "Layers": []}],
}
for what, manifest in manifests.items():
    data = tar({"name": "manifest.json", "data": json.dumps(manifest).encode()}, {"name": "c.json", "data": b'{"rootfs":{"type":"layers","diff_ids":[]}}'})
    status, answer = api("POST", "/images/load", raw=data)
    score.check(f"load with {what}: fails", status >= 400 or "error" in str(answer).lower(), f"{status} {str(answer)[:100]}")
    score.check(f"load with {what}: nothing stored", listing() == before, str(listing())[:300])


# Uploads into a container: through its links, never out of it
status, answer = create({"Image": "busybox", "Cmd": ["true"]}, "victim")
victim = answer["Id"]
link = tar({"name": "out", "type": tarfile.SYMTYPE, "linkname": str(outside)}, {"name": "up", "type": tarfile.SYMTYPE, "linkname": "../../../../../../../.." + str(outside)})
score.check("links may be uploaded", api("PUT", f"/containers/{victim}/archive?path=/", raw=link)[0] == 200)
for path in ("/out", "/up", "/out/../out", "/up/.", "/proc/self/root/tmp"):
    api("PUT", f"/containers/{victim}/archive?path={path}", raw=tar({"name": "escaped", "data": b"x"}))
api("PUT", f"/containers/{victim}/archive?path=/", raw=tar({"name": "out/escaped", "data": b"x"}, {"name": "../escaped", "data": b"x"}))
score.check("uploads stay inside", sorted(p.name for p in outside.iterdir()) == ["kept"], str(list(outside.iterdir())))
for path in ("/out/kept", "/up/kept"):
    status, answer = api("GET", f"/containers/{victim}/archive?path={path}")
    score.check(f"{path} is not read from the host", status == 404, f"{status} {str(answer)[:100]}")
api("DELETE", f"/containers/{victim}?force=1")


# HTTP
def raw(data, limit=5):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(limit)
    s.connect(SOCKET)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return s.recv(4096)
    except OSError as e:
        return repr(e).encode()
    finally:
        s.close()


for what, data in {
    "garbage": b"\x16\x03\x01\x02\0\1\0\1\xfc", "no version": b"GET /\r\n\r\n", "a header of 1 MB": b"GET /_ping HTTP/1.1\r\nX: " + b"a" * 1000000 + b"\r\n\r\n",
    "10,000 headers": b"GET /_ping HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n", "a negative length": b"POST /v1.51/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /v1.51/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "a huge length": b"POST /v1.51/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a bad chunk": b"POST /v1.51/containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a long path": b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
}.items():
    answer = raw(data)
    score.check(f"HTTP with {what}: refused", answer == b"" or answer.startswith(b"HTTP/1.1 4") or b"Error" in answer, str(answer[:100]))
    score.check(f"HTTP with {what}: the engine lives", api("GET", "/_ping")[0] == 200)
score.check("nothing was stored by all this", listing()[0] == before[0] and listing()[1] == before[1] and listing()[3] == before[3], str(listing())[:300])
score.end()
