"""Registries that lie, stall, loop and bomb: a clear error each, and nothing left behind (conftest.py looks)."""
import gzip
import json
import random
import subprocess
import time

import pytest
from registries import OCI, Image, Registry, davit, digest, serve, tar

LAYER = tar(f=random.Random(1).randbytes(200000))


def refused(r, *words, name="x"):
    done = davit("pull", f"{r.name}/{name}:1")
    assert done.returncode == 1 and done.err.startswith("Error response from daemon: ") or done.returncode == 1, done.err
    for word in words:
        assert word in done.err, done.err
    return done.err


def blob_hook(wanted, answer):
    def hook(h, kind, name, what):
        return kind == "blob" and what == wanted and (answer(h) or True)

    return hook


def manifest_hook(answer):
    return lambda h, kind, name, what: kind == "manifest" and (answer(h) or True)


def test_other_bytes():
    image = Image(LAYER)
    evil = gzip.compress(tar(f=random.randbytes(200000)))
    image.tree["layers"][0]["size"] = len(evil)
    image.set_manifest(image.tree)
    r = serve(Registry, images={"x": image}, hook=blob_hook(digest(image.layers[0]), lambda h: h.answer(200, evil)))
    refused(r, "filesystem layer verification failed for digest sha256:")


def test_truncated_blob():
    image = Image(LAYER)
    r = serve(Registry, images={"x": image}, hook=blob_hook(digest(image.layers[0]), lambda h: h.answer(200, image.layers[0][:1000])))
    refused(r, "layer sha256:")


def test_endless_blob():
    image = Image(LAYER)

    def endless(h):
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"%x\r\n%b\r\n" % (len(image.layers[0]), image.layers[0]))
        try:
            while True:
                h.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        except OSError:
            h.close_connection = True

    r = serve(Registry, images={"x": image}, hook=blob_hook(digest(image.layers[0]), endless))
    refused(r, "layer sha256:")


def test_other_diff_id():
    r = serve(Registry, images={"x": Image(LAYER, diff_ids=[digest(b"something else")])})
    refused(r, "invalid diffID for layer")


def test_garbage_behind_the_layer():
    packed = gzip.compress(LAYER) + b"garbage"
    r = serve(Registry, images={"x": Image(LAYER, types=[(packed, OCI + "layer.v1.tar+gzip")])})
    refused(r, "layer sha256:")


@pytest.mark.parametrize("kind", ["manifest", "blob"])
def test_redirects_in_circles(kind):
    image = Image(LAYER)
    hook = lambda h, k, name, what: k == kind and (h.answer(307, Location=h.path) or True)
    r = serve(Registry, images={"x": image}, hook=hook)
    refused(r, "stopped after 10 redirects")


def test_endless_manifest():
    def endless(h):
        if h.command == "HEAD":
            return h.answer(404)
        h.send_response(200)
        h.send_header("Content-Length", str(10 << 30))
        h.send_header("Content-Type", OCI + "manifest.v1+json")
        h.end_headers()
        try:
            for _ in range(10 << 10):
                h.wfile.write(b" " * (1 << 20))
        except OSError:
            pass
        h.close_connection = True

    started = time.monotonic()
    refused(serve(Registry, hook=manifest_hook(endless)), "manifest 1: ")
    assert time.monotonic() - started < 60


def test_endless_headers():
    def endless(h):
        h.send_response(200)
        try:
            for i in range(1 << 20):
                h.wfile.write(b"X-%d: %b\r\n" % (i, b"x" * 1000))
        except OSError:
            pass
        h.close_connection = True

    refused(serve(Registry, hook=manifest_hook(endless)))


ZEROS = bytes(64 << 20)


def test_gzip_bomb():
    """4.5 GB of zeros behind the end of a small tar."""
    packed = gzip.compress(LAYER) + gzip.compress(ZEROS) * 72
    r = serve(Registry, images={"x": Image(LAYER, types=[(packed, OCI + "layer.v1.tar+gzip")])})
    refused(r, "expands to more than 200 times its size")


def test_zstd_bomb():
    pack = lambda data: subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout
    r = serve(Registry, images={"x": Image(LAYER, types=[(pack(LAYER) + pack(ZEROS) * 72, OCI + "layer.v1.tar+zstd")])})
    refused(r, "expands to more than 200 times its size")


def test_climbing_layer():
    import io
    import tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        t.addfile(tarfile.TarInfo("../../../../etc/evil"))
    r = serve(Registry, images={"x": Image(out.getvalue())})
    refused(r, "layer sha256:")


def test_stall():
    """Nothing comes after half of the layer: given up after 30 s of silence each, at the second attempt here."""
    image = Image(LAYER)

    def stall(h):
        if h.headers.get("Range"):
            return h.answer(404)
        h.send_response(200)
        h.send_header("Content-Length", str(len(image.layers[0])))
        h.end_headers()
        h.wfile.write(image.layers[0][:50000])
        h.wfile.flush()
        time.sleep(60)
        h.close_connection = True

    r = serve(Registry, images={"x": image}, hook=blob_hook(digest(image.layers[0]), stall))
    started = time.monotonic()
    refused(r, "layer sha256:")
    assert 25 < time.monotonic() - started < 50


BAD_MANIFESTS = {
    "no JSON": b"<html>",
    "too deep": b"[" * 100000,
    "a list": b"[]",
    "schema 1": json.dumps({"schemaVersion": 1, "name": "x"}).encode(),
    "no config": json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": []}).encode(),
    "a digest that is a path": json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": [],
                                           "config": {"digest": "sha256:../../../../etc/passwd", "size": 1, "mediaType": "x"}}).encode(),
    "a negative size": json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": [],
                                   "config": {"digest": digest(b""), "size": -1, "mediaType": "x"}}).encode(),
    "an index of nothing": json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": []}).encode(),
    "an index of itself": None,
}


@pytest.mark.parametrize("what", BAD_MANIFESTS)
def test_bad_manifest(what):
    body = BAD_MANIFESTS[what] or json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
        {"mediaType": OCI + "index.v1+json", "digest": digest(b"x"), "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
    kind = "index" if b"index" in body else "manifest"
    r = serve(Registry, hook=manifest_hook(lambda h: h.answer(200, body, Content_Type=OCI + kind + ".v1+json", Docker_Content_Digest=digest(body))))
    refused(r)


def test_more_layers_than_the_config_knows():
    image = Image(LAYER)
    image.tree["layers"].append(image.tree["layers"][0])
    image.set_manifest(image.tree)
    refused(serve(Registry, images={"x": image}), "manifest has 2 layers, its config 1")


def test_config_of_another_image():
    image, other = Image(LAYER), Image(LAYER, author="somebody else")
    r = serve(Registry, images={"x": image}, hook=blob_hook(digest(image.config), lambda h: h.answer(200, other.config)))
    refused(r, "verification failed for digest")


def test_manifest_of_another_digest():
    image = Image(LAYER)
    r = serve(Registry, images={"x": image})
    done = davit("pull", f"{r.name}/x@{digest(b'other')}")
    assert done.returncode == 1 and "manifest verification failed for digest" in done.err


def test_tags_without_end():
    def hook(h, kind, name, what):
        if "/tags/list" in h.path:
            return h.answer(200, b'{"name":"x","tags":["a"]}', Link=f'<{h.path}>; rel="next"') or True
        return None

    done = davit("pull", "-a", f"{serve(Registry, hook=hook).name}/x")
    assert done.returncode == 1 and "the registry's list of tags does not end" in done.err


def test_error_page_is_not_shown_whole():
    r = serve(Registry, hook=manifest_hook(lambda h: h.answer(500, b"x" * (10 << 20))))
    assert len(refused(r, "received unexpected HTTP status: 500 Internal Server Error")) < 1000
