import dataclasses

import pytest
import torch

from core.gan import discriminator
from core.gan.trainer import Trainer
from tests.unit.gan.test_trainer import QUICK, fives

CONV = dataclasses.replace(QUICK, architecture="conv")


def test_trained_alone_it_is_tensor_for_tensor_what_a_whole_run_ends_with() -> None:
    trainer = Trainer(fives(), CONV)
    list(trainer.run())

    network, curve = discriminator.alone(fives(), CONV)

    expected = trainer.networks.discriminator.state_dict()
    assert all(torch.equal(expected[name], value) for name, value in network.state_dict().items())
    assert curve == trainer.curve["discriminator"]


def test_other_negatives_change_the_discriminator_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = Trainer(fives(), QUICK), Trainer(fives(), QUICK)
    list(before.run())
    monkeypatch.setattr(discriminator, "malformed", lambda images, random: torch.zeros_like(images))
    list(after.run())

    pairs = zip(before.networks, after.networks, strict=True)
    states = [zip(one.state_dict().values(), other.state_dict().values(), strict=True) for one, other in pairs]
    assert [all(torch.equal(*pair) for pair in both) for both in states] == [True, True, False]
