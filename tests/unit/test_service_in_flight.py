"""A device that works on by itself: one batch may be in flight, and nothing is lost by it."""

import copy
import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError

import numpy as np
import pytest
import torch
from toy_models import AsynchronousModel, expected_pairs

from plmwidgets.batch_size import BatchSize
from plmwidgets.cluster.remote_lm import RemoteMaskedLM
from plmwidgets.cluster.work import Description
from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import scan_pairs
from plmwidgets.service import ModelService, Priority, service_for

SEQUENCE = "ACDEFGHIKL"
SINGLES = [Context(SEQUENCE, (i,)) for i in range(10)]
ILLEGAL = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"


@pytest.fixture
def model():
    return AsynchronousModel()


@pytest.fixture
def service(model, monkeypatch):
    monkeypatch.setattr("plmwidgets.service.SLICE_SECONDS", 60)  # however busy the machine
    made = ModelService(model)
    yield made
    made.close()


@pytest.fixture
def ask(model, service):
    """Submit background work, two contexts a batch; none of it starts before all is asked for."""

    def submit(*requests, before=lambda future: None, **options):
        gate = threading.Event()
        model.at["queue none"] = lambda: gate.wait(10)
        busy = service.submit([Context(SEQUENCE)])
        options = {"priority": Priority.BACKGROUND, "batch": 2, **options}
        futures = [service.submit(contexts, **options) for contexts in requests]
        for future in futures:
            before(future)
        gate.set()
        busy.result(10)
        return futures

    return submit


def events(model, service=None):
    """Return what happened since all was let go, once the worker has done everything."""
    if service is not None:
        service.close()
    return model.log[model.log.index("wait none") + 1 :]


def expected(model, contexts):
    return np.stack([model.expected(context) for context in contexts])


def test_the_next_batch_of_a_request_is_queued_before_the_one_before_is_waited_for(model, ask):
    parts = []
    (future,) = ask(SINGLES[:6], on_part=lambda *part: parts.append(part))
    np.testing.assert_array_equal(future.result(10), expected(model, SINGLES[:6]))
    assert events(model) == ["queue 0", "queue 2", "wait 0", "queue 4", "wait 2", "wait 4"]
    assert [part[:2] for part in parts] == [(0, 2), (2, 4), (4, 6)]
    np.testing.assert_array_equal(np.concatenate([part[2] for part in parts]), future.result())


def test_the_next_request_is_queued_before_the_one_before_is_waited_for(model, ask):
    futures = ask(SINGLES[:2], SINGLES[2:4], SINGLES[4:6])
    for future, start in zip(futures, (0, 2, 4), strict=True):
        found = future.result(10)
        np.testing.assert_array_equal(found, expected(model, SINGLES[start : start + 2]))
        assert not found.flags.writeable
    assert events(model) == ["queue 0", "queue 2", "wait 0", "queue 4", "wait 2", "wait 4"]


@pytest.mark.parametrize("priority", [Priority.INTERACTIVE, Priority.VISIBLE])
def test_what_a_person_waits_for_lands_at_once(model, service, ask, priority):
    clicks = []
    model.at["queue 0"] = lambda: clicks.append(
        service.submit(SINGLES[7:9], priority=priority, batch=1)
    )
    (scan,) = ask(SINGLES[:4])
    scan.result(10)
    assert clicks[0].done()
    click = ["queue 7", "wait 7", "wait 0", "queue 8", "wait 8", "queue 2", "wait 2"]
    assert events(model) == ["queue 0", *click]


def test_a_batch_of_many_slices_keeps_the_one_before_no_longer_than_one(model, ask, monkeypatch):
    monkeypatch.setattr("plmwidgets.service.SLICE_SECONDS", 0.0)
    model.steps = 3
    (future,) = ask(SINGLES[:4])
    future.result(10)
    before = ["step 1 of 0", "step 2 of 0", "queue 0"]
    after = ["step 1 of 2", "wait 0", "step 2 of 2", "queue 2", "wait 2"]
    assert events(model) == [*before, *after]


def test_a_longer_computation_keeps_a_batch_no_longer_than_a_slice(model, service, monkeypatch):
    monkeypatch.setattr("plmwidgets.service.SLICE_SECONDS", 0.0)

    def steps():
        for step in range(3):
            model.log.append(f"other {step}")
            yield step / 3
        return np.zeros(1)

    others = []
    model.at["queue 0"] = lambda: others.append(service.submit_steps(steps()))
    service.submit(SINGLES[:2], priority=Priority.BACKGROUND, batch=2).result(10)
    others[0].result(10)
    assert model.log == ["queue 0", "other 0", "wait 0", "other 1", "other 2"]


def test_a_cpu_model_that_says_1_is_not_kept_in_flight(model, ask):
    model.capabilities = frozenset({"precision"})
    (future,) = ask(SINGLES[:4])
    future.result(10)
    assert events(model) == ["queue 0", "wait 0", "queue 2", "wait 2"]


@pytest.mark.parametrize("contexts", [SINGLES[:1], SINGLES[:5]])
@pytest.mark.parametrize("priority", [Priority.INTERACTIVE, Priority.BACKGROUND])
def test_a_model_without_steps_answers_in_order(model, ask, contexts, priority):
    model.steps, parts = 0, []
    (future,) = ask(contexts, priority=priority, on_part=lambda *part: parts.append(part[:2]))
    np.testing.assert_array_equal(future.result(10), expected(model, contexts))
    assert [start for start, _ in parts] == list(range(0, len(contexts), 2))


def test_a_batch_that_is_not_kept_in_flight_does_not_overtake_one_that_is(model, ask):
    model.at["queue 2"] = lambda: setattr(model, "steps", 0)
    parts = []
    (future,) = ask(SINGLES[:6], on_part=lambda *part: parts.append(part[:2]))
    np.testing.assert_array_equal(future.result(10), expected(model, SINGLES[:6]))
    assert parts == [(0, 2), (2, 4), (4, 6)]


def test_one_batch_lands_when_nothing_waits(model, service):
    service.submit(SINGLES[:2], priority=Priority.BACKGROUND, batch=2).result(10)
    assert model.log == ["queue 0", "wait 0"]


# What fails


class Sick(AsynchronousModel):
    """Gives numbers that are none with one residue hidden."""

    def expected(self, context):
        values = super().expected(context)
        return values * np.nan if context.masked == (2,) else values


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.AcceleratorError(ILLEGAL), r"device of in flight \(cpu\) failed: CUDA error: an il"),
        (MemoryError("Unable to allocate 2.00 MiB for an array"), "ran out of memory .*2.00 MiB"),
        (RuntimeError("CUDA error: out of memory"), "ran out of memory.*ask again"),
        (None, r"returned NaN or infinite values with position 2 masked"),
    ],
)
def test_what_fails_when_it_lands_fails_its_request_alone(model, ask, error, told):
    if error is None:
        model.__class__ = Sick
    else:
        model.at["wait 2"] = lambda: error
    parts = []
    sick, well = ask(SINGLES, SINGLES[6:], on_part=lambda *part: parts.append(part[:2]))
    with pytest.raises(ModelError, match=told):
        sick.result(10)
    np.testing.assert_array_equal(well.result(10), expected(model, SINGLES[6:]))
    before = ["queue 0", "queue 2", "wait 0", "queue 4", "wait 2", "drop 4"]
    assert events(model) == [*before, "queue 6", "queue 8", "wait 6", "wait 8"]
    assert parts == [(0, 2), (0, 2), (2, 4)]


def test_what_came_before_a_failure_is_given_first(model, service, ask):
    model.at["queue 2"] = lambda: ValueError("no such thing")
    told = []
    (future,) = ask(
        SINGLES[:6],
        on_part=lambda start, stop, values: told.append((start, stop)),
        before=lambda future: future.add_done_callback(lambda _: told.append("failed")),
    )
    with pytest.raises(ValueError, match="no such thing"):
        future.result(10)
    assert events(model, service) == ["queue 0", "queue 2", "wait 0"]
    assert told == [(0, 2), "failed"]


def test_when_two_batches_of_a_request_fail_the_first_is_told(model, service, ask):
    model.at["wait 0"] = lambda: ValueError("the first")
    model.at["queue 2"] = lambda: ValueError("the second")
    (future,) = ask(SINGLES[:6])
    with pytest.raises(ValueError, match="the first"):
        future.result(10)
    assert service.log_probabilities(SINGLES[3:4]).shape == (1, 10, 20)


@pytest.mark.parametrize("requests", [(SINGLES[:8],), (SINGLES[:4], SINGLES[4:8])])
def test_no_memory_for_the_next_batch_loses_nothing(model, ask, requests):
    full = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.50 GiB.")]
    model.at["queue 4"] = lambda: full.pop() if full else None
    seen = []
    futures = ask(*requests, batch=4, on_part=lambda *part: seen.append(part[:2]))
    for future, contexts in zip(futures, requests, strict=True):
        np.testing.assert_array_equal(future.result(10), expected(model, contexts))
    after = ["queue 4", "queue 6", "wait 4", "wait 6"]
    assert events(model) == ["queue 0", "queue 4", "wait 0", *after]
    start = 4 if len(requests) == 1 else 0
    assert seen == [(0, 4), (start, start + 2), (start + 2, start + 4)]


def test_a_failing_listener_fails_its_request_alone(model, service, ask):
    def spoil(*_):
        raise KeyError("spoilt")

    (future,) = ask(SINGLES[:4], on_part=spoil)
    with pytest.raises(KeyError, match="spoilt"):
        future.result(10)
    assert service.log_probabilities(SINGLES[:1]).shape == (1, 10, 20)


# What ends early


def test_what_is_cancelled_in_flight_is_never_waited_for(model, service, ask):
    asked = []
    model.at["queue 2"] = lambda: not asked[0].cancel()
    gone, kept = ask(SINGLES[:4], SINGLES[6:8], before=asked.append)
    np.testing.assert_array_equal(kept.result(10), expected(model, SINGLES[6:8]))
    with pytest.raises(CancelledError):
        gone.result()
    after = ["drop 0", "queue 6", "drop 2", "wait 6"]
    assert events(model, service) == ["queue 0", "queue 2", *after]


def test_closing_lands_what_is_whole_and_cancels_what_is_not(model, service, ask):
    closing = []

    def close():
        closing.append(threading.Thread(target=service.close))
        closing[0].start()
        while not service._closed:
            time.sleep(0.001)

    model.at["queue 2"] = close
    whole, half = ask(SINGLES[:2], SINGLES[2:6])
    np.testing.assert_array_equal(whole.result(10), expected(model, SINGLES[:2]))
    closing[0].join()
    assert half.cancelled()
    assert events(model) == ["queue 0", "queue 2", "wait 0", "drop 2"]
    assert service._landing is None and service._thread is None


class Listener:
    def __call__(self, *_):
        pass


def is_freed(watch):
    deadline = time.monotonic() + 5
    while watch() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    return watch() is None


@pytest.mark.parametrize("fails", [False, True])
def test_an_idle_worker_holds_nothing_of_what_was_in_flight(model, ask, fails):
    if fails:
        model.at["wait 0"] = lambda: torch.AcceleratorError(ILLEGAL)
    listener = Listener()
    watch = weakref.ref(listener)
    (future,) = ask(SINGLES[:2], on_part=listener)
    assert (future.exception(10) is not None) == fails
    del listener, future
    assert is_freed(watch)


def test_a_failure_that_is_kept_holds_nothing_of_the_model(model, service):
    watch = []

    def fail():
        memory = Listener()
        watch.append(weakref.ref(memory))
        raise ValueError("no such thing")

    model.at["wait 0"] = fail
    future = service.submit(SINGLES[:2], priority=Priority.BACKGROUND, batch=2)
    assert isinstance(future.exception(10), ValueError)
    assert is_freed(watch[0])


def test_a_failure_does_not_hold_what_was_in_flight_before_it(model, service):
    options = {"priority": Priority.BACKGROUND, "batch": 2}
    later = []
    model.at["queue 0"] = lambda: later.append(service.submit(SINGLES[2:4], **options))
    model.at["queue 2"] = lambda: ValueError("no such thing")
    listener = Listener()
    watch = weakref.ref(listener)
    service.submit(SINGLES[:2], on_part=listener, **options).result(10)
    error = later[0].exception(10)
    del listener
    assert isinstance(error, ValueError)
    assert model.log == ["queue 0", "queue 2", "wait 0"]
    assert is_freed(watch)


# What it is for


@pytest.mark.parametrize("where", ["wait 0", "queue 0"])
def test_a_failure_that_is_kept_holds_nothing_of_the_request(where, model, service):
    model.at[where] = lambda: ValueError("no")
    listener = Listener()
    watch = weakref.ref(listener)
    failure = service.submit(SINGLES[:2], priority=Priority.BACKGROUND, on_part=listener).exception(
        10
    )
    assert str(failure) == "no"
    del listener
    assert is_freed(watch)
    assert failure.__traceback__ is not None


def test_a_computation_that_failed_is_closed(service, monkeypatch):
    monkeypatch.setattr("plmwidgets.service.SLICE_SECONDS", 0.0)
    closed = threading.Event()

    def steps():
        try:
            yield 0.1
            yield 0.2
        finally:
            closed.set()

    def fail(share):
        raise ValueError("no")

    future = service.submit_steps(steps(), on_step=fail)
    failure = future.exception(10)
    assert str(failure) == "no"
    assert closed.wait(10)


def test_both_batches_of_a_request_that_is_given_up_may_fail(model, service, ask):
    """As after a failure of the device, while somebody pauses the scan; the worker goes on."""
    futures = []

    def cancel():
        futures[0].cancel()
        return ValueError("at the first")

    model.at["wait 0"] = cancel
    model.at["queue 2"] = lambda: ValueError("at the second")
    ask(SINGLES[:4], before=futures.append)
    with pytest.raises(CancelledError):
        futures[0].result(10)
    np.testing.assert_array_equal(
        service.submit(SINGLES[4:6]).result(10), expected(model, SINGLES[4:6])
    )


def test_what_cannot_be_closed_does_not_end_the_worker(model, service):
    def steps():
        try:
            while True:
                time.sleep(0.001)
                yield 0.5
        finally:
            raise RuntimeError("the device is gone")

    future = service.submit_steps(steps())
    time.sleep(0.05)
    future.cancel()
    np.testing.assert_array_equal(
        service.submit(SINGLES[:2]).result(10), expected(model, SINGLES[:2])
    )


def test_each_batch_is_learnt_from_once(model, ask, monkeypatch):
    seen = []
    monkeypatch.setattr(
        BatchSize, "observe", lambda self, contexts, seconds, longest: seen.append(contexts)
    )
    ask(SINGLES[:5], SINGLES[5:])[1].result(10)
    assert seen == [1, 2, 2, 1, 2, 2, 1]


def test_a_batch_of_a_size_given_up_meanwhile_teaches_nothing():
    size = BatchSize()
    size.observe(1, 1e-4, 1e-4)
    assert size.size == 2
    size.observe(2, 1e-4, 1e-4)
    size.halve()
    assert size.size == 2
    for _ in range(9):
        size.observe(4, 9.0, 9.0)
    assert size.size == 2


def test_a_scan_is_paused_in_flight_and_resumed_to_the_same_map(monkeypatch):
    model, ready = AsynchronousModel("scanned in flight", steps=3), threading.Event()
    model.preferred_batch = lambda length: 4
    model.at["queue none"] = lambda: ready.wait(10)
    service, asked = service_for(model), []
    submit = service.submit
    monkeypatch.setattr(
        service, "submit", lambda *given, **how: asked.append(submit(*given, **how)) or asked[-1]
    )
    scan = scan_pairs(Protein(SEQUENCE), model)

    def pause():
        scan.pause()
        while not any(future.cancelled() for future in asked):
            time.sleep(0.005)

    model.at["queue 3"] = pause  # of the pairs: no batch of the singles begins there
    ready.set()
    scan.wait(20)
    assert scan.progress.status is ScanStatus.PAUSED
    assert 0 < scan.pairs_computed < scan.pairs_total
    model.at.clear()
    scan.resume()
    scan.wait(20)
    assert scan.progress.status is ScanStatus.FINISHED
    assert any(event.startswith("drop") for event in model.log), "nothing was in flight"
    np.testing.assert_array_equal(scan.log_probabilities, expected_pairs(model, SEQUENCE))


@pytest.mark.parametrize("whole", [False, True])
def test_in_flight_the_demo_gives_what_it_gives_otherwise(whole):
    demo = load_model("demo", device="cpu")
    flying = copy.copy(demo)
    flying.capabilities |= {"asynchronous"}
    contexts = SINGLES * 3
    wanted = None if whole else np.array([context.masked for context in contexts])
    service, parts = ModelService(flying), []
    future = service.submit(
        contexts,
        wanted,
        priority=Priority.BACKGROUND,
        batch=4,
        on_part=lambda start, stop, values: parts.append(values),
    )
    found = future.result(30)
    service.close()
    plain = [
        demo.log_probabilities(contexts[i : i + 4], None if whole else wanted[i : i + 4])
        for i in range(0, len(contexts), 4)
    ]
    np.testing.assert_array_equal(found, np.concatenate(plain))
    np.testing.assert_array_equal(found, np.concatenate(parts))


def test_a_remote_model_is_not_asynchronous_here(model):
    class Link:
        description = Description.of(model)
        lanes = 1

        def ask_model(self, *_):
            raise NotImplementedError

    assert RemoteMaskedLM(Link(), "ray").capabilities == {"precision", "remote"}
