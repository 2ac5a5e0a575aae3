"""What people install: the wheel and the sdist, built and used away from the checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VIEWS = {
    "attention_grid",
    "corruption_view",
    "sequence_strip",
    "distributions",
    "embedding_plot",
    "pair_heatmap",
    "structure_view",
    "jacobian_table",
    "joint_table",
    "mutation_heatmap",
    "recovery_view",
    "residue_quiz",
    "unmasking_player",
    "scatter_plot",
    "pair_table",
    "scan_panel",
    "training_curve",
}
BUNDLES = VIEWS | {"loader", "page"}
PARTS = {
    "demo/contact_head.safetensors",
    "demo/fold.cif",
    "demo/family.safetensors",
    "demo/model/config.json",
    "demo/model/model.safetensors",
    "py.typed",
    *(f"static/{name}.js" for name in BUNDLES),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An sdist of the checkout, and the wheel built from that sdist with no node to be had."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "nodejs" not in result.stdout.split("Building wheel")[-1]
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def test_the_wheel_carries_bundles_data_and_licence(built):
    wheel, _ = built
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"plmwidgets/{part}" for part in PARTS} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "node_modules" in name or name.startswith("tests")]
    assert wheel.stat().st_size < 6e6


def test_the_sdist_carries_sources_and_bundles(built):
    _, sdist = built
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {f"src/plmwidgets/{part}" for part in PARTS} <= names
    assert {"js/package-lock.json", "js/build.mjs", "hatch_build.py", "LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name]


def test_the_installed_wheel_scans_and_makes_views(built, tmp_path):
    wheel, _ = built
    target = tmp_path / "site"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    code = (
        "import plmwidgets as plm, pathlib, sys\n"
        f"assert pathlib.Path(plm.__file__).is_relative_to({str(target)!r}), plm.__file__\n"
        "explorer = plm.Explorer(plm.Protein.demo(), 'demo')\n"
        "explorer.scan.start(); explorer.scan.wait()\n"
        "print(len(explorer.to_pandas()))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    length = int(result.stdout) ** 0.5
    assert 50 < length < 80


@pytest.mark.slow
def test_an_editable_install_needs_no_node_on_path(tmp_path):
    """In a copy without bundles, and with a PATH that holds nothing but the new environment."""
    copy = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing tells sources from build products")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    environment = {**os.environ, "PATH": str(home / "bin")}
    result = subprocess.run(
        [str(home / "bin" / "python"), "-m", "pip", "install", "--no-deps", "-e", str(copy)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    static = copy / "src" / "plmwidgets" / "static"
    assert {path.stem for path in static.glob("*.js")} == BUNDLES
