"""``plmwidgets serve``: who may join, and how it ends."""

import os
import subprocess
import sys

import psutil
from serving import Serve

JOIN = """
import sys
import plmwidgets as plm
print(plm.load_model(sys.argv[1], backend="ray"))
"""

STAY = """
import threading, time
import plmwidgets as plm
model = plm.load_model("demo", backend="ray")
print("joined", flush=True)
input()  # the cluster has ended
while any(thread.name.startswith("ray_listen") for thread in threading.enumerate()):
    time.sleep(0.05)
print("at rest", flush=True)
try:
    plm.predict(plm.Protein.demo(), model)
except plm.ModelError as error:
    print(error)
"""


def join(name="demo", **environment):
    return subprocess.run(
        [sys.executable, "-c", JOIN, name],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_nobody_joins_without_the_token(served, tmp_path):
    wrong = join(RAY_AUTH_TOKEN="f" * 64)
    assert wrong.returncode != 0
    assert "ModelError" in wrong.stderr and "token" in wrong.stderr
    none = join(RAY_AUTH_TOKEN="", HOME=str(tmp_path))
    assert none.returncode != 0
    assert "auth_token" in none.stderr


def test_it_listens_on_the_loopback_interface_alone(served):
    family = [served.process, *psutil.Process(served.process.pid).children(recursive=True)]
    ports = [
        connection.laddr.ip
        for process in family
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert ports
    assert set(ports) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_when_it_is_told_to_end_it_ends_all_it_started_and_notebooks_rest(alone):
    served = alone("demo")
    notebook = subprocess.Popen(
        [sys.executable, "-c", STAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert notebook.stdout.readline() == "joined\n"
    family = psutil.Process(served.process.pid).children(recursive=True)
    assert family
    assert served.end() == 0
    assert "demo is shared no longer" in served.log.read_text()
    _, left = psutil.wait_procs(family, timeout=60)
    assert left == []
    said, _ = notebook.communicate("\n", timeout=120)
    assert said.startswith("at rest\n")
    assert "start it again with  plmwidgets serve --model demo" in said


def test_a_second_one_joins_the_cluster_of_the_first(alone, tmp_path_factory):
    alone("demo")
    other = Serve(tmp_path_factory.mktemp("other"), "--model", "potts-demo", "--cpus", "1")
    try:
        assert "on the cluster that was there" in other.wait_for("Ctrl-C ends it")
        found = join("potts-demo")
        assert "potts-demo" in found.stdout, found.stderr
        full = Serve(tmp_path_factory.mktemp("full"), "--model", "demo", "--cpus", "1")
        assert full.process.wait(120) != 0
        assert "0 CPUs of the cluster are free" in full.log.read_text()
    finally:
        assert other.end() == 0
    assert "demo" in join().stdout
