"""Frames of a training: what is kept of an epoch, and what frames of before it was kept are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from core import paths
from core.datasets import load as load_dataset
from core.gan.recipe import TrainingSettings
from core.gan.trainer import Trainer
from core.training import snapshots


def recorded() -> snapshots.Frame:
    return snapshots.read(snapshots.frames(paths.ASSETS / "learning")[-1])


def test_fresh_digits_are_flagged_that_lie_further_out_than_most_held_out_normals(tmp_path: Path) -> None:
    def distances(*values: float) -> NDArray[np.float32]:
        return np.array(values, dtype=np.float32)

    normals = distances(*np.linspace(0, 1, 101))
    frame = replace(recorded(), normal_distances=normals, fresh_distances=distances(0.1, 0.9, 0.97, 2.0))

    snapshots.write(tmp_path / "0005-00001.safetensors", frame)

    assert snapshots.read(tmp_path / "0005-00001.safetensors").fresh_flagged == 0.5


def test_a_frame_of_before_distances_were_kept_is_read_and_flags_nothing(tmp_path: Path) -> None:
    path = tmp_path / "0005-00001.safetensors"
    snapshots.write(path, recorded())
    metadata, content = snapshots.tensor_files.read(path)
    former = {name: value for name, value in load(content).items() if not name.endswith("distances")}
    snapshots.tensor_files.write(path, save(former, {"frame": metadata["frame"]}))

    assert snapshots.read(path).fresh_flagged is None


def test_watching_changes_nothing_of_what_is_learnt(tmp_path: Path) -> None:
    training = load_dataset("digits", "train")
    images, watcher = training.of("5")[:60], snapshots.Watcher(tmp_path)

    def learnt(watched: bool) -> dict[str, NDArray[np.float32]]:
        trainer = Trainer(images, TrainingSettings("dense", epochs=2, steps=3))
        for progress in trainer.run():
            if watched and progress.epoch_ended:
                watcher(training, "5", trainer)
        return {name: value.numpy() for name, value in trainer.networks.generator.state_dict().items()}

    seen, unseen = learnt(True), learnt(False)
    assert len(snapshots.frames(tmp_path)) == 2
    assert all(np.array_equal(value, unseen[name]) for name, value in seen.items())
