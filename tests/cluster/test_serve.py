"""``plmwidgets serve``: who may join, and how it ends."""

import os
import subprocess
import sys

import psutil

JOIN = """
import plmwidgets as plm
print(plm.load_model("demo", backend="ray"))
"""


def join(**environment):
    return subprocess.run(
        [sys.executable, "-c", JOIN],
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
