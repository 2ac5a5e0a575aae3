"""The demo model, shared for real."""

import pytest
from serving import Serve


@pytest.fixture(scope="session")
def served(own_ray, tmp_path_factory):
    """The demo model, shared by two replicas."""
    running = Serve(
        tmp_path_factory.mktemp("serve"), "--model", "demo", "--replicas", "2", "--cpus", "1"
    )
    running.wait_for("Ctrl-C ends it")
    yield running
    import ray

    ray.shutdown()
    running.end()
