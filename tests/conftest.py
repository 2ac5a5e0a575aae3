"""Fixtures that any test may use."""

import os
import secrets
import shutil
from pathlib import Path

# No test needs the network. Set before huggingface_hub is imported, which reads it once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
# As the package sets it before it loads torch itself; the fixtures load torch first.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# No test looks into the cache of whoever runs it, or leaves anything there.
os.environ["PLMWIDGETS_CACHE"] = "off"

import torch

# Without a GPU, its kernels are interpreted. Set before triton is imported, which reads it once.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

import checkpoints
import pytest

import plmwidgets


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a cache that is turned on for one test, and for the processes that it starts."""
    monkeypatch.setenv("PLMWIDGETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scans"


@pytest.fixture(scope="session")
def tiny_esm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny ESM-2 (rotary, 3 layers, width 32, token dropout)."""
    return checkpoints.build_esm2(tmp_path_factory.mktemp("models") / "tiny-esm2")


@pytest.fixture(scope="session")
def tiny_esm1b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny ESM-1b (learned positions, 128 residues at most, token dropout)."""
    return checkpoints.build_esm1b(tmp_path_factory.mktemp("models") / "tiny-esm1b")


@pytest.fixture(scope="session")
def tiny_esmc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny ESM C (rotary, SwiGLU, 64 logit columns)."""
    return checkpoints.build_esmc(tmp_path_factory.mktemp("models") / "tiny-esmc")


@pytest.fixture(scope="session")
def tiny_bert_spaced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny ProtBERT-like model (blanks between residues, 128 residues at most)."""
    return checkpoints.build_bert_spaced(tmp_path_factory.mktemp("models") / "tiny-bert-spaced")


@pytest.fixture(scope="session")
def tiny_esmfold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny ESMFold (2 layers, 2 blocks, 2 passes)."""
    return checkpoints.build_esmfold(tmp_path_factory.mktemp("models") / "tiny-esmfold")


@pytest.fixture
def esm2_copy(tiny_esm2: Path, tmp_path: Path) -> Path:
    """Folder of a tiny ESM-2 that the test may spoil."""
    return Path(shutil.copytree(tiny_esm2, tmp_path / "copy"))


@pytest.fixture(scope="session")
def own_ray(tmp_path_factory):
    """A token and a meeting place that no other Ray on this machine has: what the environment says.

    Servers that were started before do not know of it.
    """
    place = tmp_path_factory.mktemp("runtime")
    place.chmod(0o700)
    ours = {
        "XDG_RUNTIME_DIR": str(place),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_NUM_REDIS_GET_RETRIES": "1",
        "PYTHONPATH": os.pathsep.join(
            [str(Path(plmwidgets.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        ),
    }
    before = {name: os.environ.get(name) for name in [*ours, "RAY_ADDRESS"]}
    os.environ.update(ours)
    os.environ.pop("RAY_ADDRESS", None)
    yield ours
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
