import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import TrainingError
from core.gan import discriminator
from core.gan.recipe import TrainingSettings
from core.gan.trainer import LOSSES, SAMPLES, Trainer
from tests.support.bundled import enlarged


def fives(n: int = 48) -> np.ndarray:
    return enlarged(5)[:n]


QUICK = TrainingSettings(architecture="dense", latent_size=4, epochs=2, steps=3, batch_size=16)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value
        for name, network in trainer.networks._asdict().items()
        for key, value in network.state_dict().items()
    }


def finish(settings: TrainingSettings, checkpoint: Path | None = None) -> Trainer:
    trainer = Trainer(fives(), settings, checkpoint)
    list(trainer.run())
    return trainer


@pytest.mark.parametrize("architecture", ["conv", "dense", "attention"])
def test_the_same_seed_gives_identical_tensors_and_another_seed_others(architecture: str) -> None:
    settings = dataclasses.replace(QUICK, architecture=architecture, epochs=1)
    one, same = weights(finish(settings)), weights(finish(settings))
    other = weights(finish(dataclasses.replace(settings, seed=1)))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(("architecture", "after"), [("conv", 2), ("dense", 1), ("dense", 2)])
def test_a_run_resumed_from_the_middle_ends_with_the_tensors_of_an_unbroken_one(
    tmp_path: Path, architecture: str, after: int
) -> None:
    settings = dataclasses.replace(QUICK, architecture=architecture, epochs=4)
    unbroken = finish(settings)
    killed = Trainer(fives(), settings, tmp_path / "run.safetensors")
    for progress in killed.run():
        if progress.epoch_ended and progress.epoch == after:
            shutil.copy(tmp_path / "run.safetensors", tmp_path / "kept.safetensors")

    resumed = Trainer(fives(), settings, tmp_path / "kept.safetensors")
    assert resumed.epoch == after
    list(resumed.run())

    expected, actual = weights(unbroken), weights(resumed)
    assert all(torch.equal(expected[key], actual[key]) for key in expected)
    assert resumed.curve == unbroken.curve


def test_a_prior_from_a_checkpoint_is_refitted_to_the_same_bits(tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, latent_size=32, epochs=1)
    trainer = Trainer(fives(), settings, tmp_path / "run.safetensors")
    list(trainer.run())

    resumed = Trainer(fives(), settings, tmp_path / "run.safetensors")

    assert trainer.prior is not None
    assert resumed.prior is not None
    latents = torch.randn(1000, 32, generator=torch.Generator().manual_seed(0))
    expected, actual = (prior.refit(latents, 3) for prior in (trainer.prior, resumed.prior))
    assert torch.equal(expected.means, actual.means)
    assert torch.equal(expected.factors, actual.factors)


def test_every_epoch_ends_exactly_once_progress_only_grows_and_reconstructions_get_better() -> None:
    trainer = Trainer(fives(), dataclasses.replace(QUICK, epochs=12))
    before = np.mean((trainer.reconstruct(fives()) - fives()) ** 2)

    steps = list(trainer.run())

    assert [step.epoch for step in steps if step.epoch_ended] == [*range(1, 13)]
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert (steps[-1].fraction, steps[-1].seconds_left, {*steps[-1].losses}) == (1.0, 0.0, {*LOSSES})
    assert np.mean((trainer.reconstruct(fives()) - fives()) ** 2) < 0.6 * before
    assert len(trainer.curve["reconstruction"]) == 12


def test_samples_are_the_same_sixteen_every_time_once_trained_from_the_prior_and_not_from_one_gaussian() -> None:
    trainer = Trainer(fives(), QUICK)
    before = trainer.samples()
    list(trainer.run())
    assert trainer.samples().shape == (SAMPLES, 28, 28)
    assert np.array_equal(trainer.samples(), trainer.samples())
    assert trainer.latent_prior().means.shape[1] == QUICK.latent_size
    assert not np.allclose(before, trainer.samples())


def test_training_leaves_torch_as_it_found_it() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    finish(QUICK)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("images", "change", "words"),
    [
        pytest.param(np.zeros((4, 28)), {}, "shape", id="flat images"),
        pytest.param(np.zeros((1, 28, 28)), {}, "too few", id="one image"),
        pytest.param(np.full((4, 28, 28), 255.0), {}, "between 0", id="bytes instead of 0..1"),
        pytest.param(np.full((4, 28, 28), np.nan), {}, "between 0", id="not a number"),
        pytest.param(fives(4), {"latent_size": 33}, "latent_size is 33", id="large latents"),
        pytest.param(fives(4), {"latent_size": 0}, "latent_size is 0", id="no latents"),
        pytest.param(fives(4), {"epochs": 0}, "at least 1", id="no epochs"),
        pytest.param(fives(4), {"steps": 0}, "at least 1", id="no steps"),
        pytest.param(fives(4), {"batch_size": 1}, "at least 2", id="batches of one"),
        pytest.param(fives(4), {"architecture": "none"}, "no architecture is called 'none'", id="no architecture"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_reason(
    images: np.ndarray, change: dict[str, object], words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        Trainer(images, dataclasses.replace(QUICK, **change))


def test_divergence_is_reported_and_the_last_good_epoch_kept(tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    trainer = Trainer(fives(), dataclasses.replace(QUICK, epochs=3), file)
    run = trainer.run()
    while not next(run).epoch_ended:
        pass
    good = file.read_bytes()
    with torch.no_grad():
        next(trainer.networks.generator.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="diverged"):
        list(run)
    assert file.read_bytes() == good


def test_a_generator_that_draws_one_image_only_is_reported_as_collapsed() -> None:
    trainer = Trainer(fives(), dataclasses.replace(QUICK, learning_rate=0.0))
    with torch.no_grad():
        next(trainer.networks.generator.parameters()).fill_(0.0)
    with pytest.raises(TrainingError, match="collapsed"):
        list(trainer.run())


def test_a_checkpoint_of_other_settings_a_damaged_or_a_foreign_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"
    finish(QUICK, file)
    with pytest.raises(TrainingError, match="other settings"):
        Trainer(fives(), dataclasses.replace(QUICK, seed=9), file)

    for text, reason in (({}, "not a readable checkpoint"), ({"run": json.dumps({"version": 99})}, "another version")):
        save_file({"x": torch.zeros(1)}, file, text)
        with pytest.raises(TrainingError, match=reason):
            Trainer(fives(), QUICK, file)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        Trainer(fives(), QUICK, file)


def test_a_discriminator_trained_alone_is_tensor_for_tensor_what_a_whole_run_ends_with() -> None:
    conv = dataclasses.replace(QUICK, architecture="conv")
    trainer = finish(conv)
    network, curve = discriminator.alone(fives(), conv)
    expected = trainer.networks.discriminator.state_dict()
    assert all(torch.equal(expected[name], value) for name, value in network.state_dict().items())
    assert curve == trainer.curve["discriminator"]


def test_other_negatives_change_the_discriminator_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights(finish(QUICK))
    monkeypatch.setattr(discriminator, "malformed", lambda images, random: torch.zeros_like(images))
    after = weights(finish(QUICK))
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"discriminator"}
