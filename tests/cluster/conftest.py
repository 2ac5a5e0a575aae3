"""The demo model, shared for real."""

import pytest
import torch
from serving import Serve

import plmwidgets as plm


@pytest.fixture(scope="module")
def protein():
    return plm.Protein.demo()


@pytest.fixture(scope="module")
def local():
    """The same model here, on as many threads as a replica has: they decide its batches."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield plm.load_model("demo")
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def local_scan(protein, local):
    scan = plm.scan_pairs(protein, local)
    scan.wait()
    return scan


@pytest.fixture(scope="session")
def served(own_ray, tmp_path_factory):
    """The demo model, shared by two replicas."""
    running = Serve(
        tmp_path_factory.mktemp("serve"), "--model", "demo", "--replicas", "2", "--cpus", "1"
    )
    try:
        running.wait_for("Ctrl-C ends it")
        yield running
    finally:
        import ray

        ray.shutdown()
        running.end()


@pytest.fixture
def alone(own_ray, tmp_path, monkeypatch):
    """Start a model on a cluster of its own: ``alone("demo")``; one processor is to spare."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    running = []

    def start(name):
        running.append(Serve(tmp_path, "--model", name, "--cpus", "1"))
        running[0].wait_for("Ctrl-C ends it")
        return running[0]

    yield start
    for served in running:
        served.end()
