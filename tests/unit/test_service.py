import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError

import numpy as np
import pytest
from toy_models import NanModel, ToyModel

from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.service import ModelService, Priority, service_for

SEQUENCE = "ACDEFGHIKL"


def singles(sequence=SEQUENCE):
    return [Context(sequence, (i,)) for i in range(len(sequence))]


@pytest.fixture
def serve():
    services = []

    def make(model):
        services.append(ModelService(model))
        return services[-1]

    yield make
    for service in services:
        service.close()


def test_answers_equal_the_model_in_order_whatever_the_slices(serve):
    model = ToyModel(seconds=0.004)
    contexts = singles("ACDEFGHIKL" * 6)
    positions = np.array([[c.masked[0], 0] for c in contexts])
    got = serve(model).log_probabilities(contexts, positions)
    want = np.stack([model.expected(c)[p] for c, p in zip(contexts, positions, strict=True)])
    np.testing.assert_array_equal(got, want)
    assert max(map(len, model.calls)) > 1, "the batch size never grew"
    assert len(model.calls) > 1, "background work was not cut into slices"


def test_one_thread_touches_the_model(serve):
    model = ToyModel()
    service = serve(model)
    callers = [
        threading.Thread(target=service.log_probabilities, args=(singles(),)) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(model.threads) == 1
    assert threading.get_ident() not in model.threads


def test_a_click_overtakes_a_scan_after_one_slice_at_most(serve):
    model = ToyModel(seconds=0.01)
    service = serve(model)
    scan = service.submit(singles("ACDEFGHIKL" * 30), priority=Priority.BACKGROUND)
    while len(model.calls) < 6:  # the batch size has settled
        time.sleep(0.001)
    before = len(model.calls)
    click = Context(SEQUENCE, (3, 4))
    service.log_probabilities([click])
    order = [calls[0] for calls in model.calls]
    assert order.index(click) - before <= 1
    assert not scan.done()
    scan.cancel()


def test_a_click_overtakes_a_long_computation_between_two_of_its_steps(serve, monkeypatch):
    monkeypatch.setattr("plmwidgets.service.SLICE_SECONDS", 60)
    service = serve(ToyModel())
    taken, seen = [], []
    click = Context(SEQUENCE, (3, 4))

    def steps():
        for step in range(200):
            taken.append(step)
            if step == 5:
                future = service.submit([click])
                future.add_done_callback(lambda _: seen.append(len(taken)))
            yield step / 200
        return np.zeros(1)

    service.submit_steps(steps()).result(10)
    assert seen == [6]
    assert len(taken) == 200


def test_visible_work_goes_before_background_work(serve):
    model = ToyModel(seconds=0.005)
    service = serve(model)
    service.submit([Context("WWWW")])  # keeps the worker busy while the others queue
    background = service.submit([Context("AAAA")], priority=Priority.BACKGROUND)
    visible = service.submit([Context("CCCC")], priority=Priority.VISIBLE)
    background.result(5), visible.result(5)
    asked = [call[0].sequence for call in model.calls]
    assert asked.index("CCCC") < asked.index("AAAA")


def test_the_newest_request_of_a_client_wins(serve):
    model = ToyModel(seconds=0.02)
    service = serve(model)
    service.submit([Context("WWWW")])
    clicks = [service.submit([Context(SEQUENCE, (i,))], client="view") for i in range(6)]
    other = service.submit([Context(SEQUENCE, (9,))], client="another view")
    np.testing.assert_array_equal(clicks[-1].result(5)[0], model.expected(Context(SEQUENCE, (5,))))
    other.result(5)
    assert all(click.cancelled() for click in clicks[:-1])
    run = {call[0].masked for call in model.calls}
    assert (5,) in run
    assert not run & {(1,), (2,), (3,), (4,)}


def test_cancelling_stops_after_the_slice(serve):
    model = ToyModel(seconds=0.02)
    service = serve(model)
    scan = service.submit(singles("ACDEFGHIKL" * 20), priority=Priority.BACKGROUND)
    while not model.calls:
        time.sleep(0.001)
    assert scan.cancel()
    service.log_probabilities([Context(SEQUENCE)])
    assert sum(map(len, model.calls)) < 200
    with pytest.raises(CancelledError):
        scan.result()


def test_whole_predictions_are_cached(serve):
    model = ToyModel()
    service = serve(model)
    first = service.log_probabilities([Context(SEQUENCE, (2,))])
    again = service.log_probabilities([Context(SEQUENCE, (2,))])
    np.testing.assert_array_equal(first, again)
    assert len(model.calls) == 1
    assert not again.flags.writeable
    service.log_probabilities([Context(SEQUENCE, (2,), ((0, "W"),))])
    assert len(model.calls) == 2, "another context must not be answered from the cache"


def test_parts_arrive_as_they_are_computed(serve):
    model = ToyModel(seconds=0.002)
    parts = []
    whole = (
        serve(model)
        .submit(singles("ACDEFGHIKL" * 5), on_part=lambda a, b, v: parts.append((a, b, v)))
        .result()
    )
    assert [a for a, _, _ in parts] == [0, *(b for _, b, _ in parts[:-1])]
    np.testing.assert_array_equal(np.concatenate([v for *_, v in parts]), whole)


def test_out_of_memory_halves_the_batch_and_tries_again(serve):
    model = ToyModel(largest_batch=3)
    contexts = singles("ACDEFGHIKL" * 6)
    got = serve(model).submit(contexts, batch=8).result(60)
    np.testing.assert_array_equal(got, np.stack([model.expected(c) for c in contexts]))
    tried = [len(call) for call in model.calls]
    assert max(tried) > 3
    assert tried[-1] <= 3


def test_out_of_memory_on_one_context_says_so(serve):
    model = ToyModel(largest_batch=0)
    with pytest.raises(ModelError, match=r"out of memory.*10 residues.*smaller model"):
        serve(model).log_probabilities([Context(SEQUENCE)])


def test_a_failed_request_fails_alone(serve):
    model = ToyModel()
    service = serve(model)
    model.fails_with = RuntimeError("device lost")
    with pytest.raises(RuntimeError, match="device lost"):
        service.log_probabilities([Context(SEQUENCE)])
    model.fails_with = None
    assert service.log_probabilities([Context(SEQUENCE)]).shape == (1, 10, 20)


def test_nan_is_refused_naming_model_dtype_and_context(serve):
    model = NanModel(bad_position=4)
    with pytest.raises(ModelError, match=r"nan-toy \(float32\).*positions 2, 4 masked"):
        serve(model).log_probabilities([Context(SEQUENCE, (1, 2)), Context(SEQUENCE, (2, 4))])


def test_no_contexts_is_an_error(serve):
    with pytest.raises(ValueError, match="at least one"):
        serve(ToyModel()).submit([])


def test_equal_identities_share_a_service():
    one, same, other = ToyModel("a"), ToyModel("a"), ToyModel("a", revision="2")
    assert service_for(one) is service_for(same)
    assert service_for(one) is not service_for(other)


def test_a_service_nobody_uses_frees_its_model(monkeypatch):
    monkeypatch.setattr("plmwidgets.service.IDLE_SECONDS", 0.05)
    model = ToyModel("freed")
    service = service_for(model)
    service.log_probabilities([Context(SEQUENCE)])
    watch = weakref.ref(model)
    del service, model
    deadline = time.monotonic() + 10
    while watch() is not None and time.monotonic() < deadline:
        time.sleep(0.02)
        gc.collect()
    assert watch() is None


def test_a_closed_service_refuses_and_cancels(serve):
    model = ToyModel(seconds=0.05)
    service = serve(model)
    waiting = [service.submit([Context(SEQUENCE, (i,))]) for i in range(4)]
    service.close()
    assert waiting[-1].cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        service.submit([Context(SEQUENCE)])


def test_closing_ends_the_worker_after_the_slice_in_hand(serve):
    model = ToyModel(seconds=0.06)  # one context a slice
    service = serve(model)
    scan = service.submit(singles("ACDEFGHIKL" * 6), priority=Priority.BACKGROUND)
    while not model.calls:
        time.sleep(0.001)
    service.close()
    assert scan.cancelled()
    assert len(model.calls) < 10


def test_an_answer_that_does_not_fit_the_request_fails_it_alone(serve):
    model = ToyModel()
    service = serve(model)
    model.log_probabilities = lambda *_: np.zeros((3, 10, 20))
    with pytest.raises(ValueError, match="argument 2 is longer"):
        service.submit([Context(SEQUENCE)]).result(5)
    del model.log_probabilities
    assert service.submit([Context(SEQUENCE)]).result(5).shape == (1, 10, 20)


def test_a_cached_answer_may_be_superseded_while_it_is_given(serve):
    service = serve(ToyModel())
    known = Context(SEQUENCE, (2,))
    service.log_probabilities([known])
    newer = []

    def ask_again(*_):
        newer.append(service.submit([Context(SEQUENCE, (3,))], client="view"))

    assert service.submit([known], client="view", on_part=ask_again).cancelled()
    assert newer[0].result(5).shape == (1, 10, 20)
