"""Pulls, pushes and logins against real registries and well-behaved ones of our own."""
import gzip
import io
import json
import pathlib
import random
import shutil
import ssl
import stat
import subprocess
import threading

import pytest
from registries import (DAVIT, OCI, SANDBOX, DockerRegistry, Image, Proxy, Quiet, Registry, TokenService, davit, digest, guard, make_ca, serve, tar)

CERTS = pathlib.Path("/etc/docker/certs.d")


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A client configuration of its own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def registry(tmp_path):
    r = DockerRegistry(tmp_path / "registry")
    yield r
    r.stop()


def load_image(name, *parts):
    """An image with one layer of random bytes per part."""
    davit("import", "-", name, stdin=tar(**{f"f{i}": random.randbytes(p) for i, p in enumerate(parts)}), check=True)
    return davit("image", "inspect", "-f", "{{.Id}}", name, check=True).out.strip()


def push_and_pull(name):
    there = load_image(name, 300000)
    davit("push", name, check=True)
    davit("rmi", name, check=True)
    davit("pull", name, check=True)
    assert davit("image", "inspect", "-f", "{{.Id}}", name).out.strip() == there
    assert "@sha256:" in davit("image", "inspect", "-f", "{{.RepoDigests}}", name).out


def test_plain(registry):
    push_and_pull(f"{registry.name}/a/b:1")


def test_htpasswd(tmp_path, config):
    users = tmp_path / "users"
    users.write_bytes(subprocess.run(["htpasswd", "-nbB", "me", "pw d"], capture_output=True, check=True).stdout)
    r = DockerRegistry(tmp_path / "r", auth=f"htpasswd: {{realm: test, path: {users}}}")
    try:
        load_image(f"{r.name}/x", 10)
        refused = davit("push", f"{r.name}/x")
        assert refused.returncode == 1 and "no basic auth credentials" in refused.err
        assert davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"wrong").returncode == 1
        davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"pw d", check=True)
        assert stat.S_IMODE((config / "config.json").stat().st_mode) == 0o600
        push_and_pull(f"{r.name}/x:2")
    finally:
        r.stop()
    assert "pw d" not in (SANDBOX / "davitd.log").read_text()


def test_private_ca(tmp_path):
    ca = make_ca(tmp_path / "ca", "10.99.0.1")
    r = DockerRegistry(tmp_path / "r", host="10.99.0.1", tls=f"certificate: {ca}/server.crt, key: {ca}/server.key, clientcas: ['{ca}/ca.crt']")
    folder = CERTS / r.name
    try:
        load_image(f"{r.name}/x", 10)
        assert "x509: certificate signed by unknown authority" in davit("push", f"{r.name}/x").err
        folder.mkdir(parents=True)
        shutil.copy(ca / "ca.crt", folder / "ca.crt")
        assert davit("push", f"{r.name}/x").returncode == 1  # it wants a client's certificate
        shutil.copy(ca / "client.crt", folder / "client.cert")
        assert "missing key client.key for client certificate client.cert" in davit("push", f"{r.name}/x").err
        shutil.copy(ca / "client.key", folder / "client.key")
        push_and_pull(f"{r.name}/x:2")
    finally:
        r.stop()
        shutil.rmtree(CERTS, ignore_errors=True)


def token_registry(images, **attributes):
    tokens = serve(TokenService, issued={}, log=[], users={"me": "pw"}, **attributes)
    return tokens, serve(guard(tokens, Registry), images=images, log=[])


def test_tokens(config):
    image = Image(tar(a=b"1"), tar(b=b"2"))
    tokens, r = token_registry({"open": image, "private": image})
    davit("pull", f"{r.name}/open:1", check=True)
    assert davit("pull", f"{r.name}/private:1").returncode == 1
    assert "incorrect username or password" in davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"no").err
    davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"pw", check=True)
    davit("pull", f"{r.name}/private:1", check=True)
    assert ("me", ["repository:private:pull"]) in tokens.RequestHandlerClass.log


def test_token_ends_in_the_middle(config):
    """Each token is good for two requests: a pull of six layers needs several."""
    image = Image(*[tar(**{f"f{i}": bytes([i]) * 5000}) for i in range(6)])
    tokens, r = token_registry({"open": image}, uses=2)
    davit("pull", f"{r.name}/open:1", check=True)
    assert len(tokens.RequestHandlerClass.issued) >= 4


def test_identity_token(config):
    tokens, r = token_registry({"private": Image(tar(a=b"1"))}, refresh="the-refresh-token")
    davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"pw", check=True)
    stored = json.loads((config / "config.json").read_text())["auths"][r.name]
    assert stored["identitytoken"] == "the-refresh-token"
    davit("pull", f"{r.name}/private:1", check=True)
    assert ("refreshed", ["repository:private:pull"]) in tokens.RequestHandlerClass.log


def test_credential_helper(tmp_path, config, monkeypatch):
    helper = tmp_path / "bin/docker-credential-mine"
    helper.parent.mkdir()
    helper.write_text('#!/bin/sh\nread -r server\necho "$1 $server" >>"$HELPER_LOG"\necho "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"me\\",\\"Secret\\":\\"pw\\"}"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:" + __import__("os").environ["PATH"])
    monkeypatch.setenv("HELPER_LOG", str(tmp_path / "log"))
    tokens, r = token_registry({"private": Image(tar(a=b"1"))})
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"credHelpers": {r.name: "mine"}}))
    davit("pull", f"{r.name}/private:1", check=True)
    assert (tmp_path / "log").read_text() == f"get {r.name}\n"


def test_layer_formats_and_platforms():
    """Uncompressed, gzip and zstd layers in one image, out of an index."""
    layers = [tar(**{f"f{i}": random.randbytes(2000)}) for i in range(3)]
    zstd = subprocess.run(["zstd", "-c"], input=layers[2], capture_output=True, check=True).stdout
    image = Image(*layers, types=[(layers[0], OCI + "layer.v1.tar"), (gzip.compress(layers[1]), OCI + "layer.v1.tar+gzip"), (zstd, OCI + "layer.v1.tar+zstd")])
    r = serve(Registry, images={"formats": image})
    davit("pull", f"{r.name}/formats:1", check=True)
    assert davit("image", "inspect", "-f", "{{len .RootFS.Layers}}", f"{r.name}/formats:1").out == "3\n"


def test_resume():
    """A layer breaks off three times: each time only the rest is asked for."""
    layer = tar(f=random.randbytes(3 << 20))
    image = Image(layer, types=[(layer, OCI + "layer.v1.tar")])
    sent = []

    def hook(h, kind, name, what):
        if kind != "blob" or what != digest(layer):
            return None
        start = int(h.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        end = min(start + (900 << 10), len(layer))
        h.send_response(206 if start else 200)
        if start:
            h.send_header("Content-Range", f"bytes {start}-{len(layer) - 1}/{len(layer)}")
        h.send_header("Content-Length", str(len(layer) - start))
        h.end_headers()
        h.wfile.write(layer[start:end])
        sent.append(end - start)
        h.close_connection = True
        return True

    r = serve(Registry, images={"x": image}, hook=hook)
    davit("pull", f"{r.name}/x:1", check=True)
    assert len(sent) == 4 and sum(sent) == len(layer)


def test_resume_without_ranges():
    layer = tar(f=random.randbytes(1 << 20))
    image, tries = Image(layer, types=[(layer, OCI + "layer.v1.tar")]), []

    def hook(h, kind, name, what):
        if kind != "blob" or what != digest(layer) or len(tries) >= 1:
            return None
        tries.append(1)
        h.send_response(200)
        h.send_header("Content-Length", str(len(layer)))
        h.end_headers()
        h.wfile.write(layer[: 600 << 10])
        h.close_connection = True
        return True

    class NoRanges(Registry):
        def send_blob(self, blob):
            self.answer(200, blob)

    r = serve(NoRanges, images={"x": image}, hook=hook)
    davit("pull", f"{r.name}/x:1", check=True)


def test_same_layers_are_loaded_once():
    layers = [tar(**{f"f{i}": random.randbytes(2 << 20)}) for i in range(3)]
    image, log, results = Image(*layers), [], []
    r = serve(Registry, images={"x": image}, log=log)
    pull = lambda i: results.append(davit("pull", "-q", f"{r.name}/x:{i}"))
    threads = [threading.Thread(target=pull, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for l in image.layers:
        assert sum(path.endswith(digest(l)) for _, path, _ in log) == 1
    assert [x.err for x in results] == [""] * 4 and [x.returncode for x in results] == [0] * 4
    assert len(davit("images", "-q", f"{r.name}/x").out.split()) == 4


def test_foreign_layers(tmp_path):
    """They come from their own URLs and are pushed by name only."""
    registry = DockerRegistry(tmp_path / "registry", more="validation: {manifests: {urls: {allow: ['^http://127']}}}\n")
    layer = tar(f=b"foreign")
    other = serve(type("Files", (Quiet,), {"do_GET": lambda h: h.answer(200, layer)}))
    image = Image(tar(a=b"own"), layer, types=[(gzip.compress(tar(a=b"own")), OCI + "layer.v1.tar+gzip"), (layer, OCI + "layer.nondistributable.v1.tar")],
                  urls=[[], [f"http://{other.name}/layer"]])
    image.tree["layers"][0].pop("urls")
    image.set_manifest(image.tree)
    del image.blobs[digest(layer)]
    r = serve(Registry, images={"x": image})
    davit("pull", f"{r.name}/x:1", check=True)
    davit("tag", f"{r.name}/x:1", f"{registry.name}/y:1", check=True)
    pushed = davit("push", f"{registry.name}/y:1", check=True)
    assert "Skipped foreign layer" in pushed.out
    manifest = json.loads(davit("manifest", "inspect", f"{registry.name}/y:1", check=True).out)
    assert manifest["layers"][1]["urls"] == [f"http://{other.name}/layer"]
    davit("rmi", "-f", f"{r.name}/x:1", f"{registry.name}/y:1", check=True)
    davit("pull", f"{registry.name}/y:1", check=True)
    registry.stop()


class Taking(Registry):
    """Takes uploads of at most `most` bytes a request, and breaks off every third."""
    most, state, break_at = 6 << 20, None, 0

    def handle_one(self):
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length", -1))
        if self.command == "HEAD":
            return self.answer(200 if path.split("/")[-1] in self.state["blobs"] else 404)
        if self.command == "POST":
            self.state["data"][path + "1"] = b""
            return self.answer(202, Location=path + "1?_state=secret")
        if self.command == "GET" and "/uploads/" in path:
            return self.answer(204, Range=f"0-{len(self.state['data'][path]) - 1}", Location=path + "?_state=secret")
        if self.command == "PATCH":
            return self.patch(path, size)
        if self.command == "PUT" and "/uploads/" in path:
            self.state["blobs"].add(query.split("digest=")[1])
            data = self.state["data"].pop(path) + self.rfile.read(max(size, 0))
            assert digest(data) == query.split("digest=")[1]
            return self.answer(201)
        if self.command == "PUT":
            self.state["manifest"] = self.rfile.read(size)
            return self.answer(201)
        return super().handle_one()

    def patch(self, path, size):
        self.state["patches"].append(size)
        if size < 0 or size > self.most:
            self.close_connection = True
            return self.fail(413, "SIZE_INVALID", "too large")
        start = int(self.headers["Content-Range"].split("-")[0])
        assert start == len(self.state["data"][path])
        self.state["data"][path] += self.rfile.read(size)
        if len(self.state["patches"]) == self.break_at:
            self.close_connection = True
            return None
        return self.answer(202, Location=path + "?_state=secret", Range=f"0-{len(self.state['data'][path]) - 1}")

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = lambda self: self.handle_one()


@pytest.mark.parametrize("break_at", [0, 3])
def test_chunks_where_a_registry_wants_them(break_at):
    state = {"data": {}, "blobs": set(), "patches": [], "manifest": None}
    r = serve(Taking, state=state, break_at=break_at)
    load_image(f"{r.name}/x", 12 << 20)
    davit("push", f"{r.name}/x", check=True)
    assert json.loads(state["manifest"])["schemaVersion"] == 2
    assert max(state["patches"]) <= 6 << 20 and len(state["patches"]) >= 4


def test_mirrors(registry):
    """A registry's hosts file: the first mirror is dead, the second lacks the image, the third has it; else the registry itself."""
    image = Image(tar(a=b"1"))
    empty, full, origin = serve(Registry, images={}), serve(Registry, images={"x": image}, log=[]), serve(Registry, images={"y": image}, log=[])
    folder = CERTS / origin.name
    folder.mkdir(parents=True)
    (folder / "hosts.toml").write_text(f'[host."http://127.0.0.1:1"]\n[host."http://{empty.name}"]\n  capabilities = ["pull", "resolve"]\n'
                                       f'[host."http://{full.name}"]\n[host."http://{full.name}".header]\n  x-mirror = "yes"\n')
    try:
        davit("pull", f"{origin.name}/x:1", check=True)
        assert any(headers.get("x-mirror") == "yes" for _, _, headers in full.RequestHandlerClass.log)
        assert not any("/blobs/" in path for _, path, _ in origin.RequestHandlerClass.log)
        davit("pull", f"{origin.name}/y:1", check=True)
        (folder / "hosts.toml").write_text("[host\n")
        assert "hosts.toml: line 1: " in davit("pull", f"{origin.name}/y:2").err
    finally:
        shutil.rmtree(CERTS)


def test_proxy():
    """The registry's address cannot be reached, the proxy's can."""
    r = serve(Registry, images={"x": Image(tar(a=b"1"))})
    proxy = serve(Proxy, log=[], target=r.name)
    arguments = __import__("os").environ["DAVITD_ARGS"]
    subprocess.run(["sandbox-engine", "stop"], check=True)
    subprocess.run(["sandbox-engine", "start"], check=True, env=__import__("os").environ | {
        "DAVITD_ARGS": f"{arguments} --http-proxy http://{proxy.name} --no-proxy 10.99.0.2 --insecure-registry 10.0.0.0/8"})
    try:
        davit("pull", "10.1.2.3:5000/x:1", check=True)
        assert any(url.startswith("http://10.1.2.3:5000/v2/x/") for url in proxy.RequestHandlerClass.log)
        assert "connection refused" in davit("pull", "10.99.0.2:1/x:1").err
        davit("pull", f"{r.name}/x:1", check=True)  # loopback goes without
    finally:
        subprocess.run(["sandbox-engine", "stop"], check=True)
        subprocess.run(["sandbox-engine", "start"], check=True)


def test_credentials_stay_with_their_host(config):
    """Blobs lie on another host: it does not see who we are. Nor does the host that an upload is sent to."""
    image, seen = Image(tar(a=b"1")), []

    class Elsewhere(Quiet):
        def do_GET(self):
            seen.append(dict(self.headers))
            self.answer(200, image.blobs[self.path[1:]])

    other = serve(Elsewhere, host="10.99.0.1")

    def hook(h, kind, name, what):
        return kind == "blob" and (h.answer(307, Location=f"http://{other.name}/{what}") or True)

    tokens = serve(TokenService, issued={}, log=[], users={"me": "pw"})
    r = serve(guard(tokens, Registry), images={"private": image}, hook=hook)
    davit("login", "-u", "me", "--password-stdin", r.name, stdin=b"pw", check=True)
    davit("pull", f"{r.name}/private:1", check=True)
    assert seen and not any("authorization" in (k.lower() for k in headers) for headers in seen)
    log = (SANDBOX / "davitd.log").read_text()
    assert "token-" not in log and "pw" not in log.split()


def test_busy_registry():
    """503 with Retry-After, then an answer; a quota (429) is told at once, in the registry's words."""
    image, left = Image(tar(a=b"1")), [2]

    def hook(h, kind, name, what):
        if name == "quota":
            return h.fail(429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit") or True
        if left[0] > 0:
            left[0] -= 1
            return h.answer(503, Retry_After="1") or True
        return None

    r = serve(Registry, images={"x": image}, hook=hook)
    davit("pull", f"{r.name}/x:1", check=True)
    assert "toomanyrequests: You have reached your unauthenticated pull rate limit." in davit("pull", f"{r.name}/quota:1").err


def test_search(config):
    results = {"results": [{"name": "a/x", "description": "one", "star_count": 3, "is_official": True, "is_automated": False},
                           {"name": "b/x", "description": "two", "star_count": 30, "is_official": False, "is_automated": False}]}
    asked = []

    class Hub(Quiet):
        def do_GET(self):
            asked.append(self.path)
            self.answer(200, json.dumps(results).encode(), Content_Type="application/json")

    hub, none = serve(Hub), serve(Registry, images={})
    out = davit("search", f"{hub.name}/x y", check=True).out.splitlines()
    assert out[0].split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"] and out[1].split() == ["a/x", "one", "3", "[OK]"]
    assert asked == ["/v1/search?q=x%20y&n=25"]
    assert davit("search", "--filter", "stars=4", "--format", "{{.Name}}", f"{hub.name}/x", check=True).out == "b/x\n"
    refused = davit("search", f"{none.name}/x")
    assert refused.returncode == 1 and "Unexpected status code 404" in refused.err


def test_import_from_url():
    files = serve(type("Files", (Quiet,), {"do_GET": lambda h: h.answer(200, tar(f=b"x")) if h.path == "/t.tar" else h.answer(404, b"none")}))
    done = davit("import", f"http://{files.name}/t.tar", "imported:1", check=True)
    assert f"Downloading from http://{files.name}/t.tar" in done.out
    assert "with status 404" in davit("import", f"http://{files.name}/u.tar", "imported:2").err
