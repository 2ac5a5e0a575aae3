import time

from toy_models import ToyModel

import plmwidgets as plm
from plmwidgets.service import ModelService


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_view_that_waits_says_how_many_come_first(monkeypatch):
    ahead = [12]
    monkeypatch.setattr(ModelService, "ahead", property(lambda _: ahead[0]))
    view = plm.Distributions(plm.Protein("ACDEFGHIKL"), ToyModel("queued", seconds=1.5))
    wait_until(lambda: view.notice == "12 requests of other notebooks ahead")
    ahead[0] = 1
    wait_until(lambda: view.notice == "1 request of other notebooks ahead")
    wait_until(lambda: view.prediction is not None and not view.pending)
    assert view.notice == ""
    view.close()
