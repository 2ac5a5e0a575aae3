"""Ray: joining a cluster or starting one, and the actors of a shared model on it."""

import atexit
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import platformdirs

from plmwidgets.models.masked_lm import ModelError

NAMESPACE: Final = "plmwidgets"
LOOPBACK: Final = "127.0.0.1"
OBJECT_STORE_BYTES: Final = 256 * 2**20
"""Shared memory that a started cluster may take: answers are small, a pair pass is the largest."""


def import_ray(host: str = "") -> Any:
    """Import Ray, set up as we need it where the person has not chosen otherwise.

    Ray reads these variables when it is imported, which the person may have done before.

    Parameters
    ----------
    host : str
        Where the cluster is or will be. Of a loopback address, Ray would make the machine's own
        and listen to every network, unless told that it runs on one machine only.

    Raises
    ------
    ModelError
        If it is not installed.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    # A notebook must not be ended by Ray when the cluster that it asked goes away.
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(10**8))
    # Ray ends a process whose shared memory has gone: let answers come by message instead.
    os.environ.setdefault("RAY_max_direct_call_object_size", str(200 * 10**6))
    os.environ.setdefault("RAY_task_rpc_inlined_bytes_limit", str(200 * 10**6))
    # By default Ray's workers give way to everything else: a click would wait for every notebook
    # on this machine that computes.
    os.environ.setdefault("RAY_worker_niceness", "0")
    # What was asked of whom when is kept for a dashboard, some 2 kB a click.
    os.environ.setdefault("RAY_task_events_report_interval_ms", "0")
    if host == LOOPBACK:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # for what it starts
    too_late = "ray" in sys.modules
    hook = sys.excepthook
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModelError(
            "a shared model needs Ray: install it with  pip install 'plmwidgets[ray]'"
        ) from error
    if not too_late:
        # Ray would tell the cluster of every error that ends a process, and wait for ever for a
        # cluster that has ended.
        sys.excepthook = hook
    if too_late and not ray.is_initialized():
        ray._raylet.Config.initialize("")
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = host != LOOPBACK
    return ray


def running_address() -> str | None:
    """Return ``RAY_ADDRESS``, or the address of the cluster that this person serves on here."""
    if named := os.environ.get("RAY_ADDRESS"):
        return named
    try:
        address = _address_file().read_text()
    except OSError:
        return None
    return address if answers(address) else None


def answers(address: str) -> bool:
    """Whether anything listens at ``HOST:PORT``."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError):
        return False
    return True


def join(address: str | None = None) -> Any:
    """Connect this process to a running cluster; return Ray.

    Parameters
    ----------
    address : str, optional
        Of the cluster, ``HOST:PORT``; that of `running_address`, or what Ray finds, by default.

    Raises
    ------
    ModelError
        If there is none, or it does not take this token.
    """
    address = address or running_address() or "auto"
    # When a cluster ends, Ray would write lines without number into the notebook.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    ray = import_ray(address.split(":")[0])
    if ray.is_initialized():
        return ray
    try:
        ray.init(address=address, namespace=NAMESPACE, **_QUIET)
    except ray.exceptions.AuthenticationError as error:
        raise ModelError(
            "the Ray cluster asks for a token and there is none here: put that of whoever started "
            "it (their ~/.ray/auth_token) into ~/.ray/auth_token or the variable RAY_AUTH_TOKEN, "
            f"and restart the kernel. Ray says: {error}"
        ) from error
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ModelError(
            "no Ray cluster answers here. Start one with  plmwidgets serve --model NAME ; if one "
            "runs on another machine, join it with  ray start --address=HOST:PORT  first, or set "
            f"RAY_ADDRESS, and use the token of whoever started it. Ray says: {error}"
        ) from error
    # Ray's thread that prints messages of the cluster would, when that ends, ask for more as fast
    # as it can: told to stop, it goes then.
    ray._private.worker.global_worker.threads_stopped.set()
    return ray


def start(host: str = LOOPBACK, **resources: Any) -> Any:
    """Start a cluster of this machine that ends with this process; return Ray.

    Parameters
    ----------
    host : str
        Address that other machines reach this one by; by default nobody but this machine can.
    resources
        ``num_cpus``, ``num_gpus``, ``object_store_memory`` of ``ray.init``.
    """
    ray = import_ray(host)
    _have_token()
    options = {"object_store_memory": OBJECT_STORE_BYTES, **resources, **_QUIET}
    for attempt in (1, 2):  # Ray waits for its own processes for 30 s, and machines are busy
        try:
            ray.init(
                address="local",
                namespace=NAMESPACE,
                include_dashboard=False,
                _node_ip_address=host,
                **options,
            )
            break
        except Exception as error:  # of that very class
            ray.shutdown()
            if attempt == 2:
                raise ModelError(f"Ray could not start a cluster here: {error}") from error
    _address_file().write_text(ray.get_runtime_context().gcs_address)
    atexit.register(_address_file().unlink, missing_ok=True)
    return ray


def _address_file() -> Path:
    """Where the processes of one person on one machine find the cluster."""
    return platformdirs.user_runtime_path("plmwidgets", ensure_exists=True) / "ray_address"


_QUIET: Final[dict[str, Any]] = {"log_to_driver": False, "logging_level": "error"}


def _have_token() -> None:
    """Make a token that only this person can read; Ray's own would be readable by all."""
    named = [os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")]
    path = Path.home() / ".ray" / "auth_token"
    if os.environ["RAY_AUTH_MODE"] != "token" or any(named) or path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))


def _checked_python(python: str) -> str:
    """Return the path of an executable whose environment can hold a replica.

    Raises
    ------
    ModelError
        If it cannot be run, lacks something, or has another Python or Ray than this process.
    """
    ray = import_ray()
    ours = f"Python {sys.version_info[0]}.{sys.version_info[1]}, Ray {ray.__version__}"
    try:
        found = subprocess.run(
            [python, "-c", _ASK_VERSIONS], capture_output=True, text=True, timeout=300, check=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"{python} cannot be run as a Python: {error}") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["it failed"])[-1]
        raise ModelError(
            f"the environment of {python} cannot hold a shared model ({said}): install there "
            f"'ray=={ray.__version__}' and platformdirs, and plmwidgets with --no-deps"
        ) from error
    theirs = found.stdout.strip().splitlines()[-1]
    if theirs != ours:
        raise ModelError(
            f"the environment of {python} has {theirs}, and this one has {ours}: they must agree"
        )
    return os.path.abspath(python)


_ASK_VERSIONS: Final = (
    "import sys, ray, plmwidgets.cluster.ray_actors; "
    "print(f'Python {sys.version_info[0]}.{sys.version_info[1]}, Ray {ray.__version__}')"
)


class SharedModel:
    """A dispatcher and its replicas, as long as this process holds them.

    Parameters
    ----------
    name : str
        As for `load_model`; it is found by this name.
    replicas : int
    cpus, gpus : float
        Of each replica; its threads are as many as its CPUs.
    python : str, optional
        Executable of the environment that the replicas run in, instead of this one: for models
        whose package does not go together with what is here.
    options
        Further ones of `load_model`.

    Raises
    ------
    ModelError
        If the cluster holds a model of this name already, or it cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        replicas: int = 1,
        *,
        cpus: float = 1,
        gpus: float = 0,
        python: str | None = None,
        **options: Any,
    ) -> None:
        from plmwidgets.cluster.ray_actors import Dispatcher, Replica

        self.name = name
        self._ray = ray = import_ray()
        self._actors: list[Any] = []
        # Not detached: they end with this process, so that no model is ever left behind.
        both = {"namespace": NAMESPACE, "max_restarts": -1}
        holds = {**both, "num_cpus": cpus, "num_gpus": gpus, "max_concurrency": 100}
        if python is not None:
            holds["runtime_env"] = {"py_executable": _checked_python(python)}
        waits = {**both, "num_cpus": 0, "max_task_retries": -1, "max_concurrency": 10_000}
        names = [f"{name}/{number}" for number in range(replicas)]
        try:
            for one in names:
                actor = ray.remote(Replica).options(name=one, **holds)
                self._actors.append(actor.remote(name, **options))
            dispatcher = ray.remote(Dispatcher).options(name=name, **waits)
            self.dispatcher = dispatcher.remote(names)
        except ValueError as error:
            self.close()
            raise ModelError(
                f"this cluster holds {name} already: use it with  "
                f"load_model({name!r}, backend='ray')"
            ) from error
        self.replicas = list(self._actors)
        self._actors.append(self.dispatcher)

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until every replica has loaded its model; return the model's `Description`."""
        try:
            loaded = self._ray.get([r.describe.remote() for r in self.replicas], timeout=timeout)
        except self._ray.exceptions.ActorDiedError as error:
            raise ModelError(f"{self.name} could not be loaded on the cluster: {error}") from error
        self._ray.get(self.dispatcher.describe.remote(), timeout=timeout)  # it knows them now
        return loaded[0]

    def figures(self) -> dict[str, float]:
        """See `Dispatcher.figures`."""
        found: dict[str, float] = self._ray.get(self.dispatcher.figures.remote())
        return found

    def close(self) -> None:
        """End them."""
        for actor in self._actors:
            self._ray.kill(actor)
