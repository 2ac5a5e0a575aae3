"""Hold a model for all notebooks, on Ray, until Ctrl-C.

Join the Ray cluster of RAY_ADDRESS or of this machine, or start one that ends with this command.
In any notebook, load_model(NAME, backend="ray") is then the same model as a local one.
"""

import argparse
import math
import signal
import sys
import time
from typing import Any

HELP = "hold a model that several notebooks and machines share"
LINE_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--model", required=True, metavar="NAME", help="as for load_model")
    parser.add_argument(
        "--replicas", type=int, default=1, help="how many copies compute (default: %(default)s)"
    )
    parser.add_argument(
        "--cpus", type=int, help="threads of each replica (default: all cores, shared out)"
    )
    parser.add_argument(
        "--gpus", type=float, help="GPUs of each replica (default: 1, or its part of those there)"
    )
    parser.add_argument(
        "--python",
        metavar="EXECUTABLE",
        help="Python of another environment for the replicas to run in, as ESM3 needs (default: "
        "this one)",
    )
    parser.add_argument(
        "--address",
        help="HOST:PORT of the Ray cluster to join, or 'auto' for the one that Ray finds (default: "
        "that of RAY_ADDRESS or of another plmwidgets serve, or else a new one)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address of this machine that others may join a new cluster by (default: "
        "%(default)s, which nobody else can)",
    )


def run(options: argparse.Namespace) -> None:
    """Hold the model until the process is told to end."""
    from plmwidgets.cluster import ray_cluster

    if options.replicas < 1:
        raise ValueError(f"--replicas must be at least 1, not {options.replicas}")
    ray, joined = _cluster(options)
    signal.signal(signal.SIGTERM, _interrupt)  # after Ray's own
    shared = None
    try:
        cpus, gpus = _shares(ray, options)
        print(f"Loading {options.model} ...", flush=True)
        shared = ray_cluster.SharedModel(
            options.model, options.replicas, cpus=cpus, gpus=gpus, python=options.python
        )
        model = shared.wait()
        print(
            f"{model.name} ({model.identity.dtype}, {model.identity.device}), replicas: "
            f"{options.replicas}, each with {cpus} CPUs and {gpus:g} GPUs,\n"
            f"{_how_to_join(options, ray, joined)}",
            flush=True,
        )
        _tell(shared)
    except KeyboardInterrupt:
        print(f"\n{options.model} is shared no longer", flush=True)
    finally:
        if shared is not None:
            shared.close()
        ray.shutdown()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _cluster(options: argparse.Namespace) -> tuple[Any, bool]:
    """Return Ray, connected, and whether it has joined a cluster that was there."""
    from plmwidgets.cluster import ray_cluster

    address = options.address or ray_cluster.running_address()
    if address is not None:
        return ray_cluster.join(address), True
    return ray_cluster.start(options.host), False


def _shares(ray: Any, options: argparse.Namespace) -> tuple[int, float]:
    """Return the CPUs and GPUs of each replica."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    together = math.ceil(options.replicas / len(nodes))
    most = int(max(node.get("CPU", 0) for node in nodes))
    cpus = max(1, most // together) if options.cpus is None else options.cpus
    gpus = sum(node.get("GPU", 0) for node in nodes) / options.replicas
    wanted = {"CPU": cpus, "GPU": min(1.0, gpus) if options.gpus is None else options.gpus}
    free = ray.available_resources()
    for kind, each in wanted.items():
        if each * options.replicas > free.get(kind, 0):
            raise ValueError(
                f"{options.replicas} replicas with {each:g} {kind}s each: {free.get(kind, 0):g} "
                f"{kind}s of the cluster are free; take fewer --replicas or --{kind.lower()}s, or "
                "serve other models with fewer"
            )
    return cpus, wanted["GPU"]


def _how_to_join(options: argparse.Namespace, ray: Any, joined: bool) -> str:
    address = ray.get_runtime_context().gcs_address
    lines = [
        f"on the {'cluster that was there' if joined else 'new Ray cluster'} {address}",
        "",
        "In a notebook of this machine:",
        "",
        f'    model = plm.load_model("{options.model}", backend="ray")',
        "",
    ]
    if joined or options.host != "127.0.0.1":
        lines += [
            "On another machine, with this one's ~/.ray/auth_token, first:",
            "",
            f"    RAY_AUTH_MODE=token ray start --address={address}",
            "",
        ]
    return "\n".join([*lines, "Ctrl-C ends it."])


def _tell(shared: Any) -> None:
    """Print how the queue is: on one line of a terminal, elsewhere whenever it has changed."""
    before = None
    while True:
        figures = shared.figures()
        line = (
            "{sessions} notebooks asking, {clicks_waiting} clicks and {others_waiting} blocks "
            "waiting, {clicks} clicks answered, half of them within {clicks_p50:.2f} s and "
            "95 % within {clicks_p95:.2f} s, {replicas} replicas up"
        ).format(**figures)
        if line != before:
            terminal = sys.stdout.isatty()
            print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", flush=True)
        before = line
        time.sleep(LINE_SECONDS)
