import numpy as np

from plmwidgets.cluster.fair_queue import FairQueue, Job
from plmwidgets.cluster.work import PairPass, Predictions, join, split
from plmwidgets.models.masked_lm import Context
from plmwidgets.service import Priority

CLICK, VISIBLE, SCAN = Priority


def job(session, number=0, priority=CLICK, contexts=1, sequence="ACDE", **options):
    work = Predictions([Context(sequence, (number % 4,))] * contexts, None, None, **options)
    return Job(session, number, priority, work, None)


def filled(*jobs):
    queue = FairQueue()
    for one in jobs:
        queue.add(one)
    return queue


def taken(queue, most=1):
    groups = []
    while group := queue.take_clicks(lambda work: most):
        groups.append([(one.session, one.number) for one in group])
    return groups


def test_sessions_take_turns_however_much_one_asks():
    queue = filled(*(job("busy", n) for n in range(4)), job("quiet", 9), job("late", 5))
    order = [("busy", 0), ("quiet", 9), ("late", 5), ("busy", 1), ("busy", 2), ("busy", 3)]
    assert taken(queue) == [[one] for one in order]


def test_what_fits_together_is_a_batch_and_takes_one_of_each_session_first():
    queue = filled(*(job("a", n) for n in range(3)), job("b"), job("c", sequence="AC"), job("d"))
    assert taken(queue, most=4) == [
        [("a", 0), ("b", 0), ("d", 0), ("a", 1)],
        [("c", 0)],
        [("a", 2)],
    ]


def test_only_the_same_kind_of_work_shares_a_batch():
    queue = filled(job("a"), job("b", batch=8), job("c", contexts=3), job("d"))
    queue.add(Job("e", 0, CLICK, PairPass("ACDE", np.arange(4), None, None), None))
    assert taken(queue, most=3) == [[("a", 0), ("d", 0)], [("b", 0)], [("c", 0)], [("e", 0)]]


def test_a_job_that_must_be_alone_is():
    queue = filled(job("a"), job("b"))
    alone = job("c")
    alone.alone = True
    queue.put_back(alone)
    assert taken(queue, most=9) == [[("c", 0)], [("a", 0), ("b", 0)]]


def test_visible_work_goes_before_scans_and_both_take_turns():
    queue = filled(job("a", 1, SCAN), job("a", 2, SCAN), job("b", 3, SCAN), job("b", 4, VISIBLE))
    assert [queue.take_other().number for _ in range(4)] == [4, 1, 3, 2]
    assert queue.take_other() is None
    assert not len(queue)


def test_what_is_withdrawn_is_never_taken():
    queue = filled(job("a", 1), job("a", 2), job("b", 3), job("a", 4, SCAN))
    assert [one.number for one in queue.withdraw("a", 1)] == [1]
    assert queue.withdraw("a", 1) == []
    assert sorted(one.number for one in queue.withdraw("a")) == [2, 4]
    assert taken(queue) == [[("b", 3)]]
    assert queue.take_other() is None


def test_how_many_come_first():
    queue = filled(job("a"), job("b"), job("b", 1), job("c"), job("d", priority=SCAN))
    assert [queue.ahead_of(one) for one in "abcd"] == [0, 1, 2, 0]


def test_joined_works_are_split_again():
    def positions(*rows):
        return np.array(rows, dtype=np.int64)

    works = [
        Predictions([Context("ACDE", (0,))], positions([0]), None),
        Predictions([Context("ACDE", (1,)), Context("ACDE", (2,))], positions([1], [2]), None),
    ]
    whole = join(works)
    assert [context.masked for context in whole.contexts] == [(0,), (1,), (2,)]
    np.testing.assert_array_equal(whole.positions, [[0], [1], [2]])
    parts = split(np.arange(3), works)
    assert [part.tolist() for part in parts] == [[0], [1, 2]]
