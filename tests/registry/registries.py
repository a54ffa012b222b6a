"""Registries for the tests: docker-registry, a token service, proxies, and a registry of our own that can be told to lie."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import socket
import subprocess
import tarfile
import threading
import time
import urllib.parse
import urllib.request

SANDBOX = pathlib.Path(os.environ["SANDBOX"])
DAVIT = os.environ["DAVIT"]
OCI = "application/vnd.oci.image."
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def davit(*args, check=False, stdin=None, env=None, timeout=300):
    r = subprocess.run([DAVIT, *args], input=stdin, capture_output=True, timeout=timeout,
                       env=None if env is None else os.environ | env)
    r.out, r.err = r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace")
    assert not check or r.returncode == 0, r.err
    return r


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def leftovers():
    """What lies about in the engine's data root though nothing refers to it."""
    davit("image", "prune", "-af", check=True)
    data = SANDBOX / "data"
    found = [f"tmp/{p.name}" for p in (data / "tmp").iterdir()]
    found += [f"layers/{p.name}" for p in (data / "layers/sha256").iterdir()]
    found += [f"image {line}" for line in davit("images", "-aq").out.split()]
    return found


def wait_for(port, host="127.0.0.1", process=None):
    for _ in range(300):
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            assert process is None or process.poll() is None, "the registry ended"
            time.sleep(0.05)
    raise AssertionError("nobody listens")


def free_port(host="127.0.0.1"):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class DockerRegistry:
    """Debian's docker-registry. `auth`, `tls` and `more` are parts of its configuration."""

    def __init__(self, folder, host="127.0.0.1", auth="", tls="", more=""):
        self.folder, self.port = pathlib.Path(folder), free_port(host)
        self.name = f"{host}:{self.port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.folder}/data}}, delete: {{enabled: true}}}}\n"
                          f"http: {{addr: '{self.name}', secret: x{', tls: {' + tls + '}' if tls else ''}}}\n" + (f"auth: {{{auth}}}\n" if auth else "") + more)
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=open(self.folder / "log", "w"), stderr=subprocess.STDOUT)
        wait_for(self.port, host, self.process)

    def stop(self):
        self.process.kill()
        self.process.wait()


def serve(handler, host="127.0.0.1", context=None, **attributes):
    """A threading HTTP server with a handler class of its own that has these attributes."""
    server = http.server.ThreadingHTTPServer((host, 0), type("Handler", (handler,), attributes))
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.name = f"{host}:{server.server_port}"
    return server


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, message, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), Content_Type="application/json", **headers)


class Image:
    """An image in memory: blobs and a manifest."""

    def __init__(self, *layers, types=None, diff_ids=None, urls=None, **config):
        packed = [gzip.compress(l, 1, mtime=0) for l in layers] if types is None else [p for p, _ in types]
        media = [OCI + "layer.v1.tar+gzip"] * len(layers) if types is None else [t for _, t in types]
        self.config = json.dumps({"architecture": ARCH, "os": "linux", "config": {"Cmd": ["/x"]},
                                  "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest(l) for l in layers]}} | config).encode()
        self.layers = packed
        self.blobs = {digest(b): b for b in [self.config, *packed]}
        descriptors = [{"mediaType": t, "digest": digest(b), "size": len(b)} for b, t in zip(packed, media)]
        for d, u in zip(descriptors, urls or []):
            d["urls"] = u
        self.set_manifest({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                           "config": {"mediaType": OCI + "config.v1+json", "digest": digest(self.config), "size": len(self.config)},
                           "layers": descriptors})

    def set_manifest(self, tree):
        self.tree, self.manifest = tree, json.dumps(tree).encode()


class Registry(Quiet):
    """Serves `images` {name: Image} for pulls and takes pushes into `uploads` {digest: bytes}; `log` gets (method, path, headers).

    Tests override single steps by `hook(handler, kind, name, what)`, which answers and returns True, or returns None."""
    images, log, hook, uploads, manifests = {}, None, None, None, None

    def handle_one(self):
        path = urllib.parse.urlsplit(self.path).path
        if self.log is not None:
            self.log.append((self.command, self.path, dict(self.headers)))
        if path in ("/v2/", "/v2"):
            return self.answer(200, b"{}")
        name, _, rest = path.removeprefix("/v2/").rpartition("/manifests/") if "/manifests/" in path else path.removeprefix("/v2/").rpartition("/blobs/")
        kind = "manifest" if "/manifests/" in path else "blob"
        if self.hook is not None and type(self).hook(self, kind, name, rest):
            return None
        image = self.images.get(name)
        if image is None:
            return self.fail(404, "NAME_UNKNOWN", "repository name not known to registry")
        if kind == "manifest":
            return self.answer(200, image.manifest, Content_Type=image.tree.get("mediaType", ""), Docker_Content_Digest=digest(image.manifest))
        blob = image.blobs.get(rest)
        return self.fail(404, "BLOB_UNKNOWN", "blob unknown") if blob is None else self.send_blob(blob)

    def send_blob(self, blob):
        wanted = self.headers.get("Range")
        if wanted:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            return self.answer(206, blob[start:], Content_Range=f"bytes {start}-{len(blob) - 1}/{len(blob)}")
        return self.answer(200, blob)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = lambda self: self.handle_one()


class TokenService(Quiet):
    """Bearer tokens for users {name: password}; anonymous ones get what `open` names. Tokens end after `uses` requests."""
    users, issued, log, uses, refresh = {}, None, None, 1 << 30, None

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        header = self.headers.get("Authorization", "")
        user = None
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode().partition(":")
            if self.users.get(user) != password:
                return self.answer(401, b'{"details":"incorrect username or password"}', Content_Type="application/json")
        return self.give(user, query.get("scope", []))

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != [self.refresh]:
            return self.fail(400, "invalid_grant", "no")
        return self.give("refreshed", form.get("scope", [""])[0].split())

    def give(self, user, scopes):
        token = f"token-{len(self.issued)}"
        self.issued[token] = [user, scopes, self.uses]
        self.log.append((user, scopes))
        body = {"token": token, "expires_in": 300}
        if self.refresh and "offline_token=true" in self.path:
            body["refresh_token"] = self.refresh
        return self.answer(200, json.dumps(body).encode(), Content_Type="application/json")


def guard(tokens, inner):
    """Puts a registry behind tokens: `tokens` is the token service's server."""

    class Guarded(inner):
        def handle_one(self):
            issued = tokens.RequestHandlerClass.issued
            entry = issued.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            name = self.path.split("/manifests/")[0].split("/blobs/")[0].removeprefix("/v2/")
            allowed = entry and (self.path == "/v2/" or any(s.startswith(f"repository:{name}:") for s in entry[1]))
            if allowed and entry[0] is None and name.startswith("private"):
                allowed = False
            if entry and allowed:
                entry[2] -= 1
                allowed = entry[2] >= 0
            if allowed:
                return super().handle_one()
            scope = f',scope="repository:{name}:pull"' if name else ""
            return self.fail(401, "UNAUTHORIZED", "authentication required",
                             WWW_Authenticate=f'Bearer realm="http://{tokens.name}/token",service="test"{scope}')

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = lambda self: self.handle_one()

    return Guarded


class Proxy(Quiet):
    """A forward proxy for http; remembers the URLs. Everything goes to `target`."""
    log, target = None, None

    def forward(self):
        self.log.append(self.path)
        url = urllib.parse.urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0) or 0))
        request = urllib.request.Request(f"http://{self.target}{url.path}{'?' + url.query if url.query else ''}", data or None,
                                         {k: v for k, v in self.headers.items() if k.lower() not in ("host", "proxy-connection")}, method=self.command)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as r:
                body, status, headers = r.read(), r.status, r.headers
        except urllib.error.HTTPError as e:
            body, status, headers = e.read(), e.code, e.headers
        self.answer(status, body, **{k.replace("-", "_"): v for k, v in headers.items() if k.lower() in ("content-type", "docker-content-digest")})

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = forward


def make_ca(folder, host):
    """A CA and a server's certificate for the address `host`: paths of ca.crt, server.crt, server.key."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, cwd=folder, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test ca")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName=IP:{host}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", "ext")
    return folder
