"""Optimisers: torch's Adam and AdamW, but not the seconds in which it imports its compiler before a first step.

Torch wraps what its compiler is to let alone, and the wrapping asks for the compiler. Nothing here is compiled, so what
is wrapped is taken as it is; a version of torch that wraps nothing gives the same.
"""

from inspect import unwrap
from typing import Any

import torch

_adam: Any = torch.optim.Adam


class _Uncompiled:
    """Beside one of torch's optimisers: its methods, unwrapped."""

    add_param_group = unwrap(_adam.add_param_group)
    zero_grad = unwrap(_adam.zero_grad)
    step = torch.no_grad()(unwrap(_adam.step))
    state_dict = unwrap(_adam.state_dict)
    load_state_dict = unwrap(_adam.load_state_dict)


class Adam(_Uncompiled, torch.optim.Adam):
    """``torch.optim.Adam`` (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015)."""


class AdamW(_Uncompiled, torch.optim.AdamW):
    """``torch.optim.AdamW`` (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019)."""
