"""ESM3 in an environment of its own, beside this one: a tiny one with random weights.

The environment is not built here: PLMWIDGETS_ESM3_PYTHON names the Python of one that has
``esm==3.2.1.post1``, ``httpx``, ``ray`` as here, and ``platformdirs``.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from serving import Serve

import plmwidgets as plm

SEQUENCE = "MKTAYIAKQRQISFVK"
MASKED = (3, 9)
PYTHON = os.environ.get("PLMWIDGETS_ESM3_PYTHON")
REFERENCE = Path(__file__).parent / "esm3_reference.py"


@pytest.mark.skipif(PYTHON is None, reason="PLMWIDGETS_ESM3_PYTHON names no environment with ESM3")
def test_its_sequence_track_is_served_from_its_own_environment(own_ray, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / "tiny-esm3"
    subprocess.run([PYTHON, REFERENCE, folder, SEQUENCE, *map(str, MASKED)], check=True)
    served = Serve(tmp_path, "--model", str(folder), "--python", PYTHON, "--cpus", "1")
    try:
        served.wait_for("Ctrl-C ends it")
        model = plm.load_model(str(folder), backend="ray")
        assert model.name == "tiny-esm3"
        found = plm.predict(SEQUENCE, model, masked=MASKED)
        np.testing.assert_allclose(found, np.load(folder / "expected.npy"), atol=1e-6)
        scan = plm.scan_pairs(SEQUENCE, model, positions=range(5))
        scan.wait(60, quiet=True)
        assert scan.pairs_computed == 10
        page = plm.Explorer(SEQUENCE, model)
        page.close()
    finally:
        import ray

        ray.shutdown()
        served.end()


def test_here_it_says_what_it_needs():
    with pytest.raises(plm.ModelError, match="plmwidgets serve --model esm3-open --python"):
        plm.load_model("esm3-open")


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("/nowhere/python", "cannot be run as a Python"),
        ("/bin/false", "cannot hold a shared model .*install there"),
    ],
)
def test_an_environment_that_will_not_do_is_told(python, words):
    from plmwidgets.cluster.ray_cluster import _checked_python

    with pytest.raises(plm.ModelError, match=words):
        _checked_python(python)


def test_this_environment_would_do():
    from plmwidgets.cluster.ray_cluster import _checked_python

    assert _checked_python(sys.executable) == os.path.abspath(sys.executable)
