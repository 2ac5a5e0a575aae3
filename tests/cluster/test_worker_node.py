"""A machine of the cluster dies while a scan runs on it."""

import subprocess
import sys

import numpy as np
import pytest
from serving import Serve

# A cluster of two machines, both of them this one: each has room for one replica.
MACHINES = """
import time
from plmwidgets.cluster.ray_cluster import LOOPBACK, _have_token, import_ray

import_ray(LOOPBACK)
_have_token()
from ray.cluster_utils import Cluster

room = {"num_cpus": 1, "node_ip_address": LOOPBACK, "object_store_memory": 2**27}
cluster = Cluster(initialize_head=True, head_node_args={**room, "include_dashboard": False})
other = cluster.add_node(**room)
print(cluster.address, flush=True)
input()
cluster.remove_node(other, allow_graceful=False)
print("one machine is dead", flush=True)
input()
cluster.shutdown()
"""
SCAN = """
import sys
import numpy as np
import plmwidgets as plm

scan = plm.scan_pairs(plm.Protein.demo(), "demo", backend="ray")
told = []

def tell():
    if not told and scan.progress.done > 200:
        told.append(print("under way", flush=True))

scan.subscribe(tell)
scan.wait()
np.save(sys.argv[1], scan.log_probabilities)
"""


@pytest.fixture
def machines(own_ray, tmp_path, monkeypatch):
    """Two machines in a cluster, which is the one that is found; a line kills the second."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with (tmp_path / "machines.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", MACHINES],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    address = process.stdout.readline().strip()
    assert address, (tmp_path / "machines.log").read_text()
    monkeypatch.setenv("RAY_ADDRESS", address)
    yield process
    process.communicate("\n\n", timeout=60)


@pytest.mark.stress
def test_a_scan_survives_a_killed_machine_bit_for_bit(machines, tmp_path, local_scan):
    served = Serve(tmp_path, "--model", "demo", "--replicas", "2", "--cpus", "1")
    try:
        served.wait_for("Ctrl-C ends it")
        out = tmp_path / "scan.npy"
        scan = subprocess.Popen(
            [sys.executable, "-c", SCAN, str(out)], stdout=subprocess.PIPE, text=True
        )
        assert scan.stdout.readline() == "under way\n"
        print("\n", file=machines.stdin, end="", flush=True)
        assert machines.stdout.readline() == "one machine is dead\n"
        assert scan.wait(120) == 0
        np.testing.assert_array_equal(np.load(out), local_scan.log_probabilities)
    finally:
        served.end()
