"""The whole state of a training run as one safetensors file: nothing is pickled, and nothing is lost between epochs."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from core.errors import TrainingError
from core.files import tensors as tensor_files

CHECKPOINT_VERSION = 3
Part = nn.Module | torch.optim.Optimizer


def save(path: Path, parts: Mapping[str, Part], loose: Mapping[str, Tensor], run: dict[str, Any]) -> None:
    """Write networks and optimisers, loose tensors and ``run`` (fit for JSON), whole or not at all."""
    tensors = {f"loose.{name}": value for name, value in loose.items()}
    for name, part in parts.items():
        states = part.state_dict()
        if isinstance(part, nn.Module):
            tensors |= {f"{name}.{key}": value for key, value in states.items()}
        else:
            numbered = states["state"].items()
            tensors |= {f"{name}.{index}.{key}": value for index, state in numbered for key, value in state.items()}
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    metadata = {"run": json.dumps({"version": CHECKPOINT_VERSION} | run)}
    tensor_files.write(path, to_bytes(tensors, metadata))


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what :func:`save` wrote: ``run`` and the tensors by name.

    Raises:
        TrainingError: it is damaged, foreign or of another version.
    """
    try:
        metadata, content = tensor_files.read(path)
        run, tensors = json.loads(metadata["run"]), from_bytes(content)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path.name} is not a readable checkpoint; delete it to start afresh") from error
    if not isinstance(run, dict) or run.get("version") != CHECKPOINT_VERSION:
        raise TrainingError(f"{path.name} was written by another version; delete it to start afresh")
    return run, tensors


def restore(tensors: dict[str, Tensor], parts: Mapping[str, Part], loose: Iterable[str]) -> dict[str, Tensor]:
    """Put networks and optimisers back to where they stood when the tensors were saved; returns the loose tensors.

    Raises:
        TrainingError: a tensor is missing or of another shape.
    """
    try:
        for name, part in parts.items():
            own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            if isinstance(part, nn.Module):
                part.load_state_dict(own)
                continue
            states: dict[int, dict[str, Tensor]] = {}
            for key, value in own.items():
                index, entry = key.split(".")
                states.setdefault(int(index), {})[entry] = value
            part.load_state_dict({"state": states, "param_groups": part.state_dict()["param_groups"]})
        return {name: tensors[f"loose.{name}"] for name in loose}
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError("the checkpoint does not fit this run; delete it to start afresh") from error
