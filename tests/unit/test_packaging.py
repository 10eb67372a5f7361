"""What ``pip install .`` brings: the package, the command, the shipped models, and folders of the user's own."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import core
from core import paths

WHEEL = f"odd_digit_out-{core.__version__}-py3-none-any.whl"
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
WHERE = """
import core
from core import paths
for place in (core.__version__, paths.CHECKPOINTS, paths.ASSETS, paths.datasets_dir(), paths.state_dir()):
    print(place)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked as pip does it."""
    folder = tmp_path_factory.mktemp("package")
    tree = folder / "tree"
    for name in ("core", "checkpoints", "assets"):
        shutil.copytree(paths.ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", "requirements-ray.txt"):
        shutil.copy(paths.ROOT / name, tree)
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], cwd=tree, check=True, capture_output=True)
    with zipfile.ZipFile(folder / WHEEL) as wheel:
        wheel.extractall(folder / "site-packages")
    return folder / "site-packages"


def run(installed: Path, *arguments: str) -> str:
    """What the installed copy prints, far from the repository and without any setting."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("ODD_DIGIT_", "XDG_"))}
    environment = settings | {"PYTHONPATH": str(installed), "HOME": str(installed.parent)}
    command = [sys.executable, *arguments]
    ran = subprocess.run(command, cwd=installed.parent, env=environment, capture_output=True, text=True, check=True)
    return ran.stdout


def test_the_wheel_holds_every_module_and_the_shipped_models(installed: Path) -> None:
    for folder, place, kinds in (
        ("core", "core", ("*.py",)),
        ("checkpoints", "core/checkpoints", ("*.safetensors",)),
        ("assets", "core/assets", ("*.safetensors", "*.svg", "*.html", "*.css", "*.js")),
    ):
        wanted = {file.relative_to(paths.ROOT / folder) for kind in kinds for file in (paths.ROOT / folder).rglob(kind)}

        assert wanted
        assert {file for file in wanted if not (installed / place / file).is_file()} == set()


def test_the_wheel_brings_the_command_and_what_it_needs_and_nothing_that_only_tests_need(installed: Path) -> None:
    (about,) = installed.glob("*.dist-info")
    required = [line for line in (about / "METADATA").read_text().splitlines() if line.startswith("Requires-Dist")]

    assert "odd-digit = core.__main__:main" in (about / "entry_points.txt").read_text()
    pinned = {line for line in (paths.ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert {line.removeprefix("Requires-Dist: ") for line in required if "extra" not in line} == pinned
    assert not any("pytest" in line for line in required)
    assert sorted(path.name for path in installed.iterdir()) == ["core", about.name]


def test_an_installed_copy_finds_its_models_and_keeps_what_is_the_users_in_a_folder_of_theirs(installed: Path) -> None:
    version, *places = run(installed, "-c", WHERE).splitlines()
    checkpoints, assets, datasets, state = map(Path, places)

    assert version == tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (checkpoints / "mnist-any.safetensors").is_file()
    assert (assets / "logo.svg").is_file()
    for folder in (datasets, state):
        assert folder.is_relative_to(installed.parent)
        assert not folder.is_relative_to(installed)
        assert "odd-digit" in folder.parts
    assert "mnist-5" in run(installed, "-m", "core", "models")
