"""Networks in the kernel: many of them, containers that come and go, an engine that dies, ways in from outside."""
import json
import os
import subprocess
import time

import pytest

from conftest import FULL, davit, engine, eventually, host, inside, inspect

SERVE = ("sh", "-c", "mkdir /w; hostname >/w/index.html; exec httpd -f -p 80 -h /w")


def table():
    """The engine's nftables table as text, without counters of time."""
    return host("nft", "list", "ruleset")


def links():
    return {line.split(":")[1].split("@")[0].strip() for line in host("ip", "-o", "link").splitlines()}


def get(url, *options):
    return host("curl", "-s", "--max-time", "3", *options, url, check=False).strip()


@pytest.fixture
def outside():
    """Another host: a namespace with 198.51.100.2, connected to ours with 198.51.100.1."""
    p = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
    eventually(lambda: os.readlink(f"/proc/{p.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
    host("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1", "netns", str(p.pid))
    host("ip", "addr", "add", "198.51.100.1/24", "dev", "out0"), host("ip", "link", "set", "out0", "up")

    def run(*args, check=False):
        return host("nsenter", f"--net=/proc/{p.pid}/ns/net", *args, check=check)

    for args in (("addr", "add", "198.51.100.2/24", "dev", "out1"), ("link", "set", "out1", "up"),
                 ("route", "add", "default", "via", "198.51.100.1")):
        run("ip", *args, check=True)
    yield run
    p.kill(), p.wait()
    host("ip", "link", "del", "out0", check=False)


def test_many_networks(things):
    before = table(), links()
    for i in range(30):
        things.network(f"net{i}")
    subnets = {davit("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", f"net{i}") for i in range(30)}
    assert len(subnets) == 30
    engine("kill"), engine("start")
    davit("network", "rm", *things.networks)
    things.networks.clear()
    assert (table(), links()) == before


def test_hundred_containers_find_each_other(things):
    things.network("big")
    n = 100 if FULL else 40
    for i in range(n):
        things.run(f"b{i}", "--network", "big", command=SERVE)
    script = f"for i in $(seq 0 {n - 1}); do wget -qO- http://b$i/ || echo failed; done"
    names = davit("exec", "b0", "sh", "-c", script).split()
    assert names == [inspect(f"b{i}", "{{slice .Id 0 12}}") for i in range(n)]


def test_connect_and_disconnect(things):
    things.network("one"), things.network("two", "--ipv6")
    things.run("mover", "--network", "one", "-p", "8123:80", command=SERVE)
    before, name = (table(), links()), inspect("mover", "{{slice .Id 0 12}}")
    hosts = davit("exec", "mover", "cat", "/etc/hosts")
    for i in range(200 if FULL else 30):
        davit("network", "connect", "two", "mover")
        if i % 10 == 3:
            engine("kill"), engine("start")
        davit("network", "disconnect", "two", "mover")
    eventually(lambda: links() == before[1])
    assert table() == before[0] and get("http://127.0.0.1:8123/") == name
    assert davit("exec", "mover", "cat", "/etc/hosts") == hosts
    assert [line.split(":")[1].split("@")[0].strip() for line in inside("mover", "ip", "-o", "link").splitlines()] == ["lo", "eth0"]


def test_ports_follow(things):
    things.network("first"), things.network("second"), things.network("closed", "--internal")
    things.run("port", "--network", "closed", "-p", "8124:80", command=SERVE)
    name = inspect("port", "{{slice .Id 0 12}}")
    assert inspect("port", "{{json .NetworkSettings.Ports}}") == "{}" and get("http://127.0.0.1:8124/") == ""
    davit("network", "connect", "first", "port")
    davit("network", "connect", "second", "port")
    for url in ("http://127.0.0.1:8124/", "http://[::1]:8124/"):
        assert get(url) == name
    davit("network", "disconnect", "first", "port")
    for url in ("http://127.0.0.1:8124/", "http://[::1]:8124/"):
        assert get(url) == name
    engine("kill"), engine("start")
    assert get("http://127.0.0.1:8124/") == name
    davit("network", "disconnect", "second", "port")
    assert get("http://127.0.0.1:8124/") == "" and inspect("port", "{{json .NetworkSettings.Ports}}") == "{}"
    davit("network", "connect", "first", "port"), davit("restart", "-t0", "port")
    eventually(lambda: get("http://127.0.0.1:8124/") == name)


def test_ipv6(things):
    things.network("six", "--ipv6")
    things.run("web6", "--network", "six", "-p", "8125:80", "-p", "[::1]:8126:80", command=SERVE)
    name = inspect("web6", "{{slice .Id 0 12}}")
    for url in ("http://127.0.0.1:8125/", "http://[::1]:8125/", "http://[::1]:8126/"):
        assert get(url) == name, url
    assert get("http://127.0.0.1:8126/") == ""
    address = inspect("web6", "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}")
    assert get(f"http://[{address}]/") == name


def test_gateway_modes(things, outside):
    mode = "com.docker.network.bridge.gateway_mode_ipv4"
    things.network("routed", "-o", f"{mode}=routed"), things.network("open", "-o", f"{mode}=nat-unprotected")
    things.network("nat"), things.network("trusted", "-o", "com.docker.network.bridge.trusted_host_interfaces=out0")
    names = {}
    for network in ("routed", "open", "nat", "trusted"):
        things.run(network, "--network", network, "-p", "80" if network == "routed" else "0:80", command=SERVE)
        names[network] = inspect(network, "{{slice .Id 0 12}}")

    def reach(network, port=80):
        address = inspect(network, f"{{{{.NetworkSettings.Networks.{network}.IPAddress}}}}")
        return outside("curl", "-s", "--max-time", "1", f"http://{address}:{port}/").strip()

    assert reach("routed") == names["routed"] and reach("open") == names["open"] and reach("trusted") == names["trusted"]
    assert reach("nat") == ""
    things.run("shut", "--network", "routed", command=SERVE)
    address = inspect("shut", "{{.NetworkSettings.Networks.routed.IPAddress}}")
    assert outside("curl", "-s", "--max-time", "1", f"http://{address}/") == ""
    assert outside("busybox", "ping", "-c1", "-W1", address).count(" 0% packet loss") == 1
    engine("kill"), engine("start")
    assert reach("routed") == names["routed"] and reach("nat") == ""
    davit("rm", "-f", "routed")
    port = inspect("nat", '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}')
    assert outside("curl", "-s", "--max-time", "2", f"http://198.51.100.1:{port}/").strip() == names["nat"]


def test_macvlan(things, outside):
    host("ip", "link", "add", "par0", "type", "veth", "peer", "name", "par1")
    try:
        host("ip", "link", "set", "par0", "up"), host("ip", "link", "set", "par1", "up")
        host("ip", "addr", "add", "10.66.0.9/24", "dev", "par1")
        things.network("mac", "-d", "macvlan", "-o", "parent=par0", "--subnet", "10.66.0.0/24", "--gateway", "10.66.0.9")
        things.run("m1", "--network", "mac"), things.run("m2", "--network", "mac")
        assert "default via 10.66.0.9" in davit("exec", "m1", "ip", "route")
        davit("exec", "m1", "ping", "-c1", "-W2", "10.66.0.9")
        davit("exec", "m1", "ping", "-c1", "-W2", "m2")
        missing = davit("network", "create", "-d", "macvlan", "-o", "parent=nosuch", "bad", check=False).stderr
        assert "invalid subinterface vlan name nosuch, example formatting is eth0.10" in missing
        mode = davit("network", "create", "-d", "macvlan", "-o", "parent=par0", "-o", "macvlan_mode=x", "bad", check=False)
        assert "requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default" in mode.stderr
    finally:
        things.close()
        things.containers.clear(), things.networks.clear()
        host("ip", "link", "del", "par0", check=False)


def test_configuration_networks(things):
    davit("network", "create", "--config-only", "--subnet", "10.98.0.0/24", "--label", "x=y", "cfg")
    things.network("made", "--config-from", "cfg")
    things.networks.append("cfg")
    made = json.loads(davit("network", "inspect", "made"))[0]
    assert made["IPAM"]["Config"] == [{"Subnet": "10.98.0.0/24"}] and made["ConfigFrom"] == {"Network": "cfg"}
    assert "is in use" in davit("network", "rm", "cfg", check=False).stderr
    engine("kill"), engine("start")
    assert json.loads(davit("network", "inspect", "cfg"))[0]["ConfigOnly"]


def test_links(things):
    things.run("child", "--expose", "80", "-e", "A=b", "--hostname", "kid"), things.run("parent", "--link", "child:db")
    assert inspect("parent", "{{json .HostConfig.Links}}") == '["/child:/parent/db"]'
    assert "DB_ENV_A=b" in davit("exec", "parent", "env") and davit("inspect", "-f", "{{.Name}}", "parent/db") == "/child"
    engine("kill"), engine("start")
    davit("stop", "-t0", "child"), things.run("between"), davit("start", "child")
    assert f"{inspect('child', '{{.NetworkSettings.IPAddress}}')}\tdb kid child" in davit("exec", "parent", "cat", "/etc/hosts")
    davit("rm", "--link", "parent/db")
    assert inspect("parent", "{{json .HostConfig.Links}}") == "null"
