"""Under what a measurement was made."""

import argparse
import datetime
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers


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
