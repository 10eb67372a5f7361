"""Optimisers are torch's own, and a training does not wait for torch's compiler."""

import subprocess
import sys

_STEPS = """
import sys
import torch
from core.gan.optimisers import Adam, AdamW

def run(kind):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(5, 3))
    optimiser = kind([weight], lr=0.1, betas=(0.5, 0.9))
    for i in range(4):
        optimiser.zero_grad()
        (weight.square() * i).sum().backward()
        optimiser.step()
        other = kind([weight], lr=0.1, betas=(0.5, 0.9))
        other.load_state_dict(optimiser.state_dict())
        optimiser = other
    return weight

ours = [run(Adam), run(AdamW)]
assert "torch._dynamo" not in sys.modules
for one, other in zip(ours, [run(torch.optim.Adam), run(torch.optim.AdamW)]):
    assert torch.equal(one, other)
"""


def test_steps_are_torchs_to_the_bit_and_import_no_compiler() -> None:
    ran = subprocess.run([sys.executable, "-c", _STEPS], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
