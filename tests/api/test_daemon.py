"""davitd itself: flags, daemon.json, several engines, sockets, signals."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

DAVITD = os.environ["DAVITD"]


def ask(path, target="/_ping"):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := s.recv(65536):
            data += part
    return data.split(b"\r\n\r\n", 1)[1]


class Engine:
    def __init__(self, folder, *flags, **options):
        self.folder = folder
        self.socket = f"{folder}/run/davit.sock"
        self.process = subprocess.Popen(
            [DAVITD, "--bridge", "none", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/run", *flags],
            stderr=subprocess.PIPE, **options)

    def ready(self):
        for _ in range(500):
            try:
                assert ask(self.socket) == b"OK"
                return self
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, self.process.stderr.read()
                time.sleep(0.01)
        raise AssertionError("it never answered")

    def end(self, signo=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signo)
        code = self.process.wait(10)
        self.process.stderr.close()
        return code


@pytest.fixture
def engine(tmp_path):
    made = []

    def start(*flags, folder=tmp_path, **options):
        e = Engine(folder, *flags, **options)
        made.append(e)
        return e

    yield start
    for e in made:
        e.end(signal.SIGKILL)


def run(*flags):
    r = subprocess.run([DAVITD, *flags], capture_output=True, text=True, timeout=10)
    return r.returncode, r.stdout, r.stderr


def test_version_and_help():
    assert run("--version")[1].startswith("davitd version ")
    code, out, _ = run("--help")
    assert code == 0 and "--data-root string" in out


@pytest.mark.parametrize("flags, message", [
    (["--foo"], "unknown flag: --foo"),
    (["-H", "foo://x"], "unsupported proto 'foo'"),
    (["-H", "tcp://0.0.0.0:2375"], "needs TLS"),
    (["--mtu", "x"], 'invalid argument "x" for "--mtu" flag'),
    (["--storage-driver", "btrfs"], "flag -s, --storage-driver is not supported"),
    (["extra"], "accepts no arguments"),
])
def test_bad_flags(flags, message):
    code, _, err = run(*flags)
    assert code == 125 and message in err


@pytest.mark.parametrize("text, message", [
    ('{"foo":1}', "the following directives don't match any configuration option: foo"),
    ('{"debug":true}', "specified both as a flag and in the configuration file: debug: (from flag: true, from file: true)"),
    ("{bad", "invalid JSON"),
    ('{"mtu":"x"}', "mtu must be a number"),
    ('{"log-level":"loud"}', "invalid logging level: loud"),
    ('{"exec-opts":["native.cgroupdriver=systemd"]}', "not supported"),
    ('{"default-runtime":"nosuch"}', "specified default runtime 'nosuch' does not exist"),
])
def test_bad_files(tmp_path, text, message):
    (tmp_path / "daemon.json").write_text(text)
    code, _, err = run("--validate", "--debug", "--config-file", str(tmp_path / "daemon.json"))
    assert code == 1 and message in err


def test_validate(tmp_path):
    (tmp_path / "daemon.json").write_text('{"labels":["a=b"],"log-opts":{"max-size":"1m"}}')
    assert run("--validate", "--config-file", str(tmp_path / "daemon.json"))[:2] == (0, "configuration OK\n")
    code, _, err = run("--validate", "--config-file", str(tmp_path / "none.json"))
    assert code == 1 and "no such file" in err.lower()


def test_several_engines(engine, tmp_path):
    a = engine(folder=tmp_path / "a").ready()
    b = engine("--label", "x=y", folder=tmp_path / "b").ready()
    one, two = (json.loads(ask(e.socket, "/info")) for e in (a, b))
    assert one["ID"] != two["ID"] and two["Labels"] == ["x=y"] and one["DockerRootDir"] == str(tmp_path / "a/data")


def test_one_engine_for_a_root(engine):
    first = engine().ready()
    second = engine()
    assert second.process.wait(10) == 1
    assert b"is still running" in second.process.stderr.read()
    assert ask(first.socket) == b"OK"


def test_ten_at_once(engine):
    crowd = [engine() for _ in range(10)]
    deadline = time.monotonic() + 10
    while sum(e.process.poll() is None for e in crowd) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    winner = [e for e in crowd if e.process.poll() is None]
    assert len(winner) == 1
    winner[0].ready()


def test_sigterm_ends_cleanly(engine, tmp_path):
    e = engine().ready()
    with socket.socket(socket.AF_UNIX) as events:
        events.connect(e.socket)
        events.sendall(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n")
        assert events.recv(100)
        started = time.monotonic()
        assert e.end() == 0
        assert time.monotonic() - started < 3
    assert not os.path.exists(e.socket) and not os.path.exists(tmp_path / "run/davitd.pid")


def test_sigkill_and_again(engine):
    first = engine().ready()
    identity = json.loads(ask(first.socket, "/info"))["ID"]
    first.end(signal.SIGKILL)
    second = engine().ready()
    assert json.loads(ask(second.socket, "/info"))["ID"] == identity


def test_several_sockets_and_pidfile(engine, tmp_path):
    other, pid = tmp_path / "deep/er/other.sock", tmp_path / "my.pid"
    e = engine("-H", f"unix://{tmp_path}/run/davit.sock", "-H", f"unix://{other}", "--pidfile", str(pid)).ready()
    assert ask(str(other)) == b"OK"
    assert int(pid.read_text()) == e.process.pid
    assert os.stat(other).st_mode & 0o777 == 0o660


def test_socket_activation(engine, tmp_path):
    path = str(tmp_path / "activated.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        script = f'exec 3<&{listener.fileno()}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@"'
        process = subprocess.Popen(
            ["bash", "-c", script, DAVITD, "-H", "fd://", "--bridge", "none", "--data-root", f"{tmp_path}/data",
             "--exec-root", f"{tmp_path}/run"], pass_fds=[listener.fileno()])
    try:
        assert ask(path) == b"OK"
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert os.path.exists(path)


def test_no_sockets_passed(engine):
    e = engine("-H", "fd://")
    assert e.process.wait(10) == 1
    assert b"no sockets found via socket activation" in e.process.stderr.read()


def test_reload(engine, tmp_path):
    config = tmp_path / "daemon.json"
    config.write_text("{}")
    e = engine("--config-file", str(config)).ready()
    assert json.loads(ask(e.socket, "/info"))["Debug"] is False
    config.write_text('{"debug":true}')
    e.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 5
    while not json.loads(ask(e.socket, "/info"))["Debug"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    event = json.loads(ask(e.socket, f"/events?since=1&until={time.time():.3f}").split(b"\r\n")[1])
    assert (event["Type"], event["Action"]) == ("daemon", "reload")
    config.write_text("{bad")
    e.process.send_signal(signal.SIGHUP)
    time.sleep(0.1)
    assert ask(e.socket) == b"OK"
