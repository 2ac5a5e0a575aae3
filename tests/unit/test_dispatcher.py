"""The dispatcher of a shared model, before replicas that are not actors."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from toy_models import ToyModel

ray_actors = pytest.importorskip("plmwidgets.cluster.ray_actors")

from ray.exceptions import ActorUnavailableError  # noqa: E402

from plmwidgets.cluster.work import Predictions  # noqa: E402
from plmwidgets.models.masked_lm import Context, ModelError  # noqa: E402
from plmwidgets.service import Priority  # noqa: E402

SEQUENCE = "ACDEFGHIKL"


class FakeReplica:
    """Computes when it is allowed to, in the order in which it was asked."""

    def __init__(self):
        self.model = ToyModel()
        self.asked = []
        self.gate = asyncio.Event()
        self.given_up = []
        self.lose = 0
        self.comes_back = True
        for name in ("compute", "describe", "give_up"):
            setattr(self, name, SimpleNamespace(remote=getattr(self, f"_{name}")))

    async def _compute(self, key, work, priority):
        self.asked.append((priority, work))
        await self.gate.wait()
        if self.lose:
            self.lose -= 1
            raise ActorUnavailableError("gone", None)
        if any(9 in context.masked for context in work.contexts):
            raise ModelError("nine is bad")
        return np.stack([self.model.expected(context) for context in work.contexts]), 4

    async def _describe(self):
        if not self.comes_back:
            raise ActorUnavailableError("gone", None)

    async def _give_up(self, key):
        self.given_up.append(key)


@pytest.fixture
def play(monkeypatch):
    """Run a coroutine function of a dispatcher and its replicas."""

    def run(story, replicas=1, known=True):
        async def scene():
            cast = [FakeReplica() for _ in range(replicas)]
            waiting = list(cast)
            monkeypatch.setattr(ray_actors.ray, "get_actor", lambda *_, **__: waiting.pop(0))
            dispatcher = ray_actors.Dispatcher([""] * replicas)
            if known:
                await dispatcher.describe()
                await settled()
            await story(dispatcher, *cast)

        # In a thread of its own: the browser that other tests drive has a loop in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, asyncio.wait_for(scene(), 10)).result()

    monkeypatch.setattr(ray_actors, "RETRY_SECONDS", 0.001)
    return run


def ask(dispatcher, session, number, masked=(0,), priority=Priority.INTERACTIVE):
    work = Predictions([Context(SEQUENCE, masked)], None, None)
    return asyncio.ensure_future(dispatcher.ask(session, number, priority, work))


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


def masks(replica):
    return [[context.masked for context in work.contexts] for _, work in replica.asked]


def test_clicks_that_wait_share_a_batch_and_each_gets_its_own(play):
    async def story(dispatcher, replica):
        asked = [ask(dispatcher, f"s{i}", i, (i,)) for i in range(7)]
        await settled()
        assert masks(replica) == [[(0,)]]  # one at a time, and nobody knows how many fit yet
        replica.gate.set()
        for i, answer in enumerate(await asyncio.gather(*asked)):
            np.testing.assert_array_equal(
                answer[0], replica.model.expected(Context(SEQUENCE, (i,)))
            )
        assert list(map(len, masks(replica))) == [1, 4, 2]

    play(story)


def test_a_scan_is_spread_and_leaves_room_for_clicks(play):
    async def story(dispatcher, one, other):
        scans = [ask(dispatcher, "scan", i, (i,), Priority.BACKGROUND) for i in range(6)]
        await settled()
        assert [len(one.asked), len(other.asked)] == [2, 2]
        click = ask(dispatcher, "click", 0)
        await settled()
        assert len(one.asked) + len(other.asked) == 5  # at once, though both are busy
        one.gate.set(), other.gate.set()
        await asyncio.gather(click, *scans)

    play(story, replicas=2)


def test_a_withdrawn_click_never_runs_and_a_withdrawn_scan_stops(play):
    async def story(dispatcher, replica):
        first = ask(dispatcher, "a", 0, (0,))
        scan = ask(dispatcher, "a", 1, (1,), Priority.BACKGROUND)
        older, newer = ask(dispatcher, "a", 2, (2,)), ask(dispatcher, "a", 3, (3,))
        await settled()
        await dispatcher.withdraw("a", 2)
        await dispatcher.withdraw("a", 1)
        assert await older is None
        assert await scan is None
        await settled()
        assert len(replica.given_up) == 1
        replica.gate.set()
        assert await first is not None
        assert await newer is not None
        assert [(2,)] not in masks(replica)

    play(story)


def test_one_bad_request_fails_alone(play):
    async def story(dispatcher, replica):
        replica.gate.set()
        await ask(dispatcher, "a", 0)
        replica.gate.clear()
        asked = [ask(dispatcher, f"s{i}", i, (mask,)) for i, mask in enumerate((1, 2, 9, 3))]
        await settled()
        replica.gate.set()
        good, answers = [0, 1, 3], await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answers[i], np.ndarray) for i in good)
        assert isinstance(answers[2], ModelError)

    play(story)


def test_what_a_lost_replica_had_is_done_by_another(play):
    async def story(dispatcher, one, other):
        one.lose, one.comes_back = 99, False
        scans = [ask(dispatcher, "scan", i, (i,), Priority.BACKGROUND) for i in range(4)]
        click = ask(dispatcher, "click", 0)
        await settled()
        one.gate.set(), other.gate.set()
        for i, answer in enumerate(await asyncio.gather(*scans)):
            np.testing.assert_array_equal(answer[0], other.model.expected(Context(SEQUENCE, (i,))))
        assert await click is not None
        figures = await dispatcher.figures()
        assert (figures["losses"], figures["replicas"]) == (1, 1)

    play(story, replicas=2)


def test_a_replica_that_never_answered_gets_nothing_until_it_does(play):
    async def story(dispatcher, one, other):
        one.comes_back = False
        one.gate.set(), other.gate.set()
        await asyncio.gather(*(ask(dispatcher, f"s{i}", i) for i in range(4)))
        assert not one.asked
        one.comes_back = True
        while (await dispatcher.figures())["replicas"] < 2:
            await asyncio.sleep(0.001)
        other.gate.clear()
        await asyncio.wait(
            [ask(dispatcher, f"t{i}", i, (i,)) for i in range(2)], return_when="FIRST_COMPLETED"
        )
        assert one.asked
        other.gate.set()
        await settled()

    play(story, replicas=2, known=False)


def test_a_request_that_replicas_do_not_survive_is_given_up(play):
    async def story(dispatcher, replica):
        replica.lose = 3
        replica.gate.set()
        with pytest.raises(ModelError, match="3 replicas"):
            await ask(dispatcher, "a", 0)
        assert await ask(dispatcher, "a", 1) is not None

    play(story)


def test_the_requests_of_a_killed_notebook_are_dropped(play, monkeypatch):
    monkeypatch.setattr(ray_actors, "LEASE_SECONDS", 0.1)

    async def story(dispatcher, replica):
        running = ask(dispatcher, "dead", 0, (0,), Priority.BACKGROUND)
        waiting = [ask(dispatcher, "dead", i, (i,), Priority.BACKGROUND) for i in range(1, 5)]
        alive = ask(dispatcher, "alive", 0, (7,), Priority.BACKGROUND)
        while not running.done():
            await dispatcher.look("alive")
            await asyncio.sleep(0.01)
        for one in (running, *waiting):
            with pytest.raises(ray_actors.Forgotten):
                await one
        assert len(replica.given_up) == 2  # it had two of them
        replica.gate.set()
        assert await alive is not None
        assert len(masks(replica)) == 3
        assert (await dispatcher.figures())["sessions"] == 1

    play(story)
