"""A model shared through Ray is the local one, whatever is killed meanwhile."""

import subprocess
import sys

import numpy as np
import pytest

import plmwidgets as plm
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.service import service_for


@pytest.fixture
def shared(served):
    return plm.load_model("demo", backend="ray")


def figures(served_model="demo"):
    import ray

    return ray.get(ray.get_actor(served_model, namespace="plmwidgets").figures.remote())


def test_it_is_the_same_model_as_a_local_one(shared, local, protein):
    assert shared is plm.load_model("demo", backend="ray")
    assert shared.identity.result_key == local.identity.result_key
    assert service_for(shared) is not service_for(local)
    assert shared.precisions == local.precisions
    assert shared.max_length == local.max_length
    assert shared.preferred_batch(len(protein)) == local.preferred_batch(len(protein))
    there, here = (plm.predict(protein, model, "3, 9", "M1A") for model in (shared, local))
    np.testing.assert_array_equal(there, here)
    for model in (shared, local):
        with pytest.raises(ModelError, match="no token for"):
            model.check_sequence("ACD*")
    with pytest.raises(ValueError, match="NO_SUCH"):
        service_for(shared).submit([Context(protein.sequence)], precision="NO_SUCH").result()


def test_a_scan_over_two_replicas_is_the_local_one_bit_for_bit(shared, protein, local_scan):
    before = figures()["others"]
    scan = plm.scan_pairs(protein, "demo", backend="ray")
    scan.wait()
    np.testing.assert_array_equal(scan.log_probabilities, local_scan.log_probabilities)
    np.testing.assert_array_equal(
        scan.single.log_probabilities, local_scan.single.log_probabilities
    )
    assert figures()["others"] - before > 30  # block by block
    assert scan.noise_floor() < 1e-5


def test_a_superposed_scan(shared, protein, local):
    scans = [plm.scan_pairs(protein, m, method="superposed", audit=20) for m in (shared, local)]
    for scan in scans:
        scan.wait()
    there, here = (scan.log_probabilities for scan in scans)
    np.testing.assert_allclose(there, here, atol=2e-5)
    np.testing.assert_array_equal(scans[0].origin, scans[1].origin)


@pytest.mark.parametrize("kind", ["Replica", "Dispatcher"])
def test_a_scan_survives_a_killed_actor_bit_for_bit(served, shared, protein, local_scan, kind):
    victim = served.actors(kind)[0]
    scan = prepare_pairs(protein, shared)
    killed = []

    def kill():
        if not killed and scan.progress.done > 200:
            killed.append(scan.progress.done)
            victim.kill()

    scan.subscribe(kill)
    scan.start()
    scan.wait(60)
    assert killed[0] < scan.pairs_total
    np.testing.assert_array_equal(scan.log_probabilities, local_scan.log_probabilities)


NOTEBOOK = """
import sys, plmwidgets as plm
scan = plm.scan_pairs(plm.Protein.demo(), "demo", sys.argv[1], backend="ray")
def told():
    if scan.progress.done > 600:  # four blocks of 64 at most are on their way to the store
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
scan.subscribe(told)
scan.wait()
"""


def test_a_killed_notebook_leaves_the_others_alone_and_its_scan_goes_on(
    shared, protein, local_scan, tmp_path
):
    store = tmp_path / "scan.zarr"
    ended = subprocess.run([sys.executable, "-c", NOTEBOOK, str(store)], timeout=100, check=False)
    assert ended.returncode == -9
    scan = plm.scan_pairs(protein, shared, store)
    assert scan.progress.done > 200
    scan.wait(60)
    assert scan.progress.status is ScanStatus.FINISHED
    np.testing.assert_array_equal(scan.log_probabilities, local_scan.log_probabilities)


def test_the_newest_request_of_a_view_wins(shared, protein):
    service = service_for(shared)
    before = figures()["withdrawn"] + figures()["clicks"]
    contexts = [Context(protein.sequence, (i, 20, 40)) for i in range(20)]
    clicks = [service.submit([context], client="view") for context in contexts]
    got = clicks[-1].result(30)
    np.testing.assert_array_equal(got, shared.log_probabilities([contexts[-1]]))
    assert sum(click.cancelled() for click in clicks) > 0
    assert figures()["withdrawn"] + figures()["clicks"] - before <= 21


def test_a_model_that_is_not_served_is_missed_with_the_command(served):
    with pytest.raises(ModelError, match="plmwidgets serve --model esm2-8m"):
        plm.load_model("esm2-8m", backend="ray")
    with pytest.raises(ValueError, match="leave them away"):
        plm.load_model("demo", "cpu", backend="ray")
    with pytest.raises(ValueError, match="unknown backend"):
        plm.load_model("demo", backend="spark")


def test_a_plan_and_the_command_line_use_it(served, shared, local, protein, tmp_path, capsys):
    from plmwidgets.cli import main

    planned = plm.plan_scan(protein, shared, method="superposed")
    assert planned.passes == plm.plan_scan(protein, local, method="superposed").passes
    fasta = tmp_path / "one.fasta"
    fasta.write_text(f">short\n{protein.sequence[:20]}\n")
    store = str(tmp_path / "store")
    assert main(["scan", str(fasta), "--model", "demo", "--backend", "ray", "--store", store]) == 0
    scan = plm.PairScan.load(store)
    here = plm.scan_pairs(protein.sequence[:20], local)
    here.wait()
    np.testing.assert_array_equal(scan.log_probabilities, here.log_probabilities)
