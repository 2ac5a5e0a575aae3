"""Under what a measurement was made."""

import argparse
import datetime
import importlib
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from plmwidgets.models.fusion import fused


def cpu_info(key: str) -> str:
    """Return an entry of the first processor in /proc/cpuinfo; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    return "avx512_bf16" in cpu_info("flags").split()


def conditions(arguments: argparse.Namespace) -> dict[str, Any]:
    """Collect under what a measurement was made."""
    flags = set(cpu_info("flags").split())
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu_info("model name") or platform.processor(),
        "cpu_flags": sorted(flags & {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "arguments": {k: v for k, v in vars(arguments).items() if k != "json"},
    }


def gpu_conditions(device: torch.device) -> dict[str, Any]:
    """Collect what is known of a GPU; all but its name may be missing."""
    about = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    return {
        "gpu": about.name,
        "capability": f"{about.major}.{about.minor}",
        "multiprocessors": about.multi_processor_count,
        "memory_gb": total / 1e9,
        "memory_used_before_gb": (total - free) / 1e9,
        "cuda": torch.version.cuda,
        "float32_products": torch.get_float32_matmul_precision(),
        "triton": _version_of("triton"),
        "fused_kernels": _uses_kernels(device),
        **_from_driver(getattr(about, "uuid", None)),
    }


def _uses_kernels(device: torch.device) -> bool:
    """Whether the package's fused kernels work on a device."""
    return fused(torch.empty(1, device=device)) is not None


def _version_of(package: str) -> str | None:
    """Return the version of a package that can be imported, or None."""
    try:
        return str(importlib.import_module(package).__version__)
    except (ImportError, AttributeError):
        return None


def _from_driver(uuid: object) -> dict[str, str]:
    """Ask the driver's own tool for what torch does not tell."""
    fields = {
        "driver": "driver_version",
        "power_limit": "power.limit",
        "largest_sm_clock": "clocks.max.sm",
    }
    command = ["nvidia-smi", f"--id=GPU-{uuid}", f"--query-gpu={','.join(fields.values())}"]
    try:
        done = subprocess.run(
            [*command, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    values = [value.strip() for value in done.stdout.strip().split(",")]
    return dict(zip(fields, values, strict=True)) if len(values) == len(fields) else {}
