"""Stores beside local folders: object stores, and file systems that fsspec knows."""

import sys
import uuid
import warnings

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem
from toy_models import ToyModel, expected_pairs
from view_tools import SEQUENCE

from plmwidgets.comparison import compare
from plmwidgets.protein import Protein
from plmwidgets.scan import places
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.scan.store import PairStore, StoreError


class Shelf(LocalFileSystem):
    """Real files by way of fsspec, without plmwidgets or zarr knowing that they are local."""

    protocol = "shelf"

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(path.removeprefix("shelf://"))


fsspec.register_implementation("shelf", Shelf, clobber=True)


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


@pytest.fixture(params=["memory", "shelf", "file"])
def url(request, tmp_path):
    root = f"/{uuid.uuid4().hex}" if request.param == "memory" else tmp_path
    return f"{request.param}://{root}/scan.zarr"


def files(url):
    system, root = fsspec.core.url_to_fs(url)
    return system, {name.removeprefix(root).lstrip("/"): name for name in system.find(root)}


def test_a_scan_at_a_url_goes_on_and_mends_what_is_damaged(protein, url):
    model = ToyModel("urls")
    assert scan_pairs(protein, model, store=url) is scan_pairs(protein, model, store=url)
    scan = scan_pairs(protein, model, store=url)
    scan.wait(30)
    np.testing.assert_array_equal(scan.log_probabilities, expected_pairs(model, SEQUENCE))
    system, found = files(url)
    system.rm(found["pairs/c/0/1/0/0"])
    damaged = found["pairs/c/1/1/0/0"]
    system.pipe_file(damaged, system.cat_file(damaged)[:-9])
    system.pipe_file(found["zarr.json"], b"{")
    with pytest.warns(UserWarning, match="damaged") as caught:
        again = prepare_pairs(protein, model, store=url)
    told = [str(warning.message) for warning in caught]
    assert [text.split(" in ")[0] for text in told] == [
        "the description of the scan",
        "chunk 1,1 of pairs",
    ]
    assert again.progress.done == 231 - 64 - 28
    again.start()
    again.wait(30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = PairScan.load(url)
    np.testing.assert_array_equal(back.log_probabilities, expected_pairs(model, SEQUENCE))
    if not url.startswith("file"):
        assert str(again.store_path) == url


def test_a_creation_that_was_killed_is_no_store_and_in_nobodys_way(protein, url, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        for kind in (places._Folder, places._Url):
            patch.setattr(kind, "write_new", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_pairs(protein, ToyModel("killed"), store=url)
    assert len(files(url)[1]) == 5
    with pytest.raises(FileNotFoundError, match="no pair scan"):
        PairScan.load(url)
    scan = prepare_pairs(Protein(SEQUENCE * 2), ToyModel("another"), store=url)
    assert scan.progress.status is ScanStatus.READY


def test_results_are_saved_loaded_and_replaced_at_urls(protein, url):
    scan = scan_pairs(protein, ToyModel("saved at a url"))
    scan.wait(30)
    scan.save(url)
    with pytest.raises(StoreError, match="exists already"):
        scan.save(url)
    scan.save(url, replace=True)
    back = PairScan.load(url, protein)
    np.testing.assert_array_equal(back.log_probabilities, scan.log_probabilities)
    singles = SingleScan.load(url)
    np.testing.assert_array_equal(singles.log_probabilities, scan.single.log_probabilities)
    parent, name = url.rsplit("/", 1)
    system, root = fsspec.core.url_to_fs(parent)
    assert [path.rsplit("/", 1)[1] for path in system.ls(root, detail=False)] == [name]


def test_something_else_at_a_url_is_left_alone(protein, url):
    system, root = fsspec.core.url_to_fs(url)
    system.makedirs(root, exist_ok=True)
    system.pipe_file(f"{root}/notes.txt", b"mine")
    with pytest.raises(StoreError, match="not a pair scan"):
        scan_pairs(protein, ToyModel("else"), store=url)
    with pytest.raises(StoreError, match="exists already"):
        PairScan(protein).save(url)
    assert list(files(url)[1]) == ["notes.txt"]


def test_a_comparison_keeps_its_scans_below_a_url(protein):
    url = f"memory://{uuid.uuid4().hex}"
    compare(protein, {"a/b": ToyModel("first"), "c": ToyModel("second")}, store=url).wait()
    for name in ("a%2Fb.zarr", "c.zarr"):
        assert PairScan.load(f"{url}/{name}").progress.status is ScanStatus.FINISHED


@pytest.mark.parametrize(
    ("error", "match"),
    [
        (PermissionError("403 Forbidden"), "read-only for you"),
        (NotImplementedError(), "can only be read"),
        (RuntimeError("no credentials"), "cannot write to memory://.*: no credentials"),
    ],
)
def test_a_url_that_refuses_writing_is_explained(protein, monkeypatch, error, match):
    def refuses(*_, **__):
        raise error

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "pipe_file", refuses)
    with pytest.raises(StoreError, match=match):
        scan_pairs(protein, ToyModel("forbidden"), store="memory://forbidden/scan.zarr")


@pytest.mark.parametrize("error", [TimeoutError("no answer"), RuntimeError("no answer")])
@pytest.mark.parametrize("answers", [0, 3, 12])
def test_a_network_that_fails_is_not_taken_for_damage(protein, monkeypatch, error, answers):
    url = f"memory://{uuid.uuid4().hex}/scan.zarr"
    scan_pairs(protein, ToyModel("network"), store=url).wait(30)

    driver, answered = fsspec.get_filesystem_class("memory"), []
    real = driver.cat_file

    def fails(self, path, *arguments, **options):
        answered.append(path)
        if len(answered) > answers:
            raise error
        return real(self, path, *arguments, **options)

    monkeypatch.setattr(driver, "cat_file", fails)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(StoreError, match="cannot be read: no answer"):
            PairScan.load(url)
    monkeypatch.undo()
    assert PairScan.load(url).progress.status is ScanStatus.FINISHED


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("s3://bucket/scan.zarr", "pip install s3fs"),
        ("gs://bucket/scan.zarr", "pip install gcsfs"),
        ("abfs://box/scan.zarr", "pip install adlfs"),
        ("dir::file:///tmp/scan.zarr", "cannot be a store"),
        ("nonsense://bucket/scan.zarr", "nonsense"),
    ],
)
def test_a_missing_driver_is_named_with_how_to_install_it(protein, monkeypatch, url, match):
    for name in ("s3fs", "gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StoreError, match=match):
        scan_pairs(protein, ToyModel("driver"), store=url)
    with pytest.raises(StoreError, match=match):
        PairStore.open(url)
