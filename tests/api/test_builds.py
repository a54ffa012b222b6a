"""Builds through the classic API, as docker-py and other SDKs ask for them."""
import io
import tarfile

import docker
import pytest

from conftest import request


def context(files, compression="gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    out.seek(0)
    return out


DOCKERFILE = "FROM scratch AS a\nARG X=1\nCOPY f /a-$X\nFROM a\nLABEL x=$X\n"


def build(client, files, **options):
    return client.images.build(fileobj=context(files), custom_context=True, encoding="gzip", **options)


def test_arguments_target_and_labels(client):
    image, log = build(client, {"Dockerfile": DOCKERFILE, "f": "data"}, tag="test-builds:1", target="a",
                       buildargs={"X": "2"}, labels={"l": "m"})
    assert image.tags == ["test-builds:1"]
    assert image.labels == {"l": "m"}
    assert [line for line in log if "aux" in line][0]["aux"]["ID"] == image.id
    client.images.remove("test-builds:1")


def test_another_dockerfile(client):
    image, _ = build(client, {"sub/Other": "FROM scratch\nCOPY f /z\nLABEL from=other\n", "f": "x"}, dockerfile="sub/Other")
    assert image.labels == {"from": "other"}
    client.images.remove(image.id)


def test_errors_come_in_the_stream(client):
    with pytest.raises(docker.errors.BuildError) as failure:
        build(client, {"Dockerfile": "FROM busybox\nRUN echo seen; exit 7\n"})
    assert "returned a non-zero code: 7" in failure.value.msg
    assert any("seen" in line.get("stream", "") for line in failure.value.build_log)


@pytest.mark.parametrize("query", ["squash=1", "memory=1048576", "cpusetcpus=0", "version=2"])
def test_what_is_missing_is_refused_by_name(client, query):
    answer = request("POST", f"/build?{query}", context({"Dockerfile": "FROM scratch\n"}).read(),
                     {"Content-Type": "application/x-tar"})
    assert answer.status == 501
    assert "not supported" in answer.message


def test_prune(client):
    build(client, {"Dockerfile": "FROM scratch\nCOPY f /prune\n", "f": "prune me"})
    client.images.prune()
    report = client.api.prune_builds()
    assert isinstance(report["CachesDeleted"], list)
    assert report["SpaceReclaimed"] >= 0
