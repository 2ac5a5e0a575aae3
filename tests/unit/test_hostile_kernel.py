"""Malformed messages over the wire to a real kernel: it lives, and a good one is still heard."""

import ast
import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_client.manager import start_new_kernel
from test_hostile_messages import message

TESTS = Path(__file__).parents[1]
SETUP = f"""
import sys
sys.path[:0] = [{str(TESTS)!r}]
from toy_models import ToyModel
from plmwidgets import Explorer, Protein
explorer = Explorer(Protein.demo(), ToyModel("kernel"))
views = {{view.comm.comm_id: view for view in explorer.children}}
"""
NAMES = "{id: view.trait_names(sync=True) for id, view in views.items()}"


@pytest.fixture
def client():
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ask(client, code, expression="None"):
    """Run code, and return what an expression is then, by way of JSON."""
    wanted = {"value": f"__import__('json').dumps({expression})"}
    reply = client.execute(code, user_expressions=wanted, silent=True, reply=True, timeout=120)[
        "content"
    ]
    assert reply["status"] == "ok", reply
    text = reply["user_expressions"]["value"]["data"]["text/plain"]
    return json.loads(ast.literal_eval(text))


def send(client, comm_id, data, buffers):
    content = {"comm_id": comm_id, "data": data}
    packed = client.session.msg("comm_msg", content)
    client.session.send(client.shell_channel.socket, packed, buffers=buffers)


def test_a_kernel_survives_malformed_messages(client, record_property):
    views = ask(client, SETUP, NAMES)
    selection = ask(client, "", "explorer.selection.to_state()")
    held = SimpleNamespace(to_state=lambda: dict(selection))
    draw, sent = random.Random(9), 0
    for _ in range(150):
        for comm_id, names in views.items():
            view = SimpleNamespace(trait_names=lambda sync, names=names: names)
            raw = message(draw, view, held)
            try:
                json.dumps(raw["content"]["data"], allow_nan=False)
            except (TypeError, ValueError):
                continue  # cannot be said in JSON
            send(client, comm_id, raw["content"]["data"], raw["buffers"])
            sent += 1
    record_property("messages", sent)
    assert sent > 500
    state = ask(client, "", "explorer.selection.to_state()")
    good = {**state, "masked": [5], "pair": None, "clock": state["clock"] + 1}
    data = {"method": "update", "state": {"selection_state": good}}
    send(client, next(iter(views)), data, [])
    assert ask(client, "", "sorted(explorer.selection.masked)") == [5]
    assert ask(client, "", "explorer.strip.error") == ""
