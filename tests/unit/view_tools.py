"""What the tests of the views share."""

import time

import numpy as np

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.005)


def decoded(packed):
    """The array in an envelope, as the page reads it."""
    return np.frombuffer(packed["data"], packed["dtype"]).reshape(packed["shape"])
