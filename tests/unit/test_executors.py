"""A model behind an executor is the local one."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import plmwidgets as plm
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.service import Priority, service_for

POSITIONS = range(0, 64, 4)


@pytest.fixture(scope="module")
def protein():
    return plm.Protein.demo()


@pytest.fixture(scope="module")
def expected(protein):
    """A scan of this process by the exact model, which has no batches to differ in."""
    scan = plm.scan_pairs(protein, "potts-demo", positions=POSITIONS)
    scan.wait()
    return scan.log_probabilities


def threads():
    return ThreadPoolExecutor(2)


def processes():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("make", [threads, processes])
def test_a_scan_and_a_click(make, protein, expected):
    with make() as executor:
        model = plm.load_model("potts-demo", executor=executor)
        assert model is plm.load_model("potts-demo", executor=executor)
        assert service_for(model).lanes == 2
        scan = plm.scan_pairs(protein, model, positions=POSITIONS)
        there = plm.predict(protein, model, "5")
        scan.wait(60)
        np.testing.assert_allclose(scan.log_probabilities, expected, atol=1e-12)
        np.testing.assert_allclose(there, plm.predict(protein, "potts-demo", "5"), atol=1e-12)
        with pytest.raises(ModelError):
            model.check_sequence("AC*")


def test_what_is_no_executor_is_refused():
    with pytest.raises(TypeError, match=r"executor=5 is none: give one of concurrent\.futures"):
        plm.load_model("potts-demo", executor=5)


def test_the_executor_of_dask(protein, expected):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        model = plm.load_model("potts-demo", executor=client.get_executor())
        scan = plm.scan_pairs(protein, model, positions=POSITIONS)
        scan.wait(60)
        np.testing.assert_allclose(scan.log_probabilities, expected, atol=1e-12)


class Held(ThreadPoolExecutor):
    """Notes what it is given, and computes it at once."""

    def __init__(self):
        super().__init__(1)
        self.given = []

    def submit(self, function, *arguments):
        self.given.append(arguments)
        return super().submit(function, *arguments)


def test_a_click_is_the_next_task_and_what_is_cancelled_never_one(protein):
    with Held() as executor:
        service = service_for(plm.load_model("potts-demo", executor=executor))
        executor.given.clear()
        contexts = [Context(protein.sequence, (i, i + 1)) for i in range(20)]
        scans = [
            service.submit([context], priority=Priority.BACKGROUND) for context in contexts[:10]
        ]
        older = service.submit([contexts[10]], client="view")
        newer = service.submit([contexts[11]], client="view")
        newer.result(30)
        for scan in scans:
            scan.result(30)
        order = [work.contexts[0] for _, work, _ in executor.given]
        assert order.index(contexts[11]) <= 10
        assert not older.cancelled() or contexts[10] not in order
        assert order.index(contexts[11]) < order.index(contexts[9])


def test_a_task_that_fails_says_why(protein):
    executor = ThreadPoolExecutor(1)
    model = plm.load_model("potts-demo", executor=executor)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        service_for(model).log_probabilities([Context(protein.sequence)])
    with pytest.raises(ValueError, match="not both"):
        plm.load_model("potts-demo", backend="ray", executor=executor)


def test_what_cannot_be_asked_from_here_is_not_offered(protein):
    with threads() as executor:
        model = plm.load_model("demo", executor=executor)
        assert "pair_pass" in model.capabilities
        for method in (plm.attention, plm.predict_contacts):
            with pytest.raises(ModelError, match="computes elsewhere"):
                method(protein, model)
        with pytest.raises(
            ValueError, match="contact_head and adapter are chosen where the model is"
        ):
            plm.load_model("demo", contact_head=True, executor=executor)
