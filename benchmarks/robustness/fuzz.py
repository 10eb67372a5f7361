"""Mutated files of every format: each ends in a right result or a clean refusal, within its limits, or is a fault.

    python -m benchmarks.robustness.fuzz [--tries 10000] [--seed 0] [--only png] [--write]

A file of each format that is read (pictures, stacks, tables, archives, models) is changed in seeded ways: bits flipped,
bytes overwritten, zeroed, cut out, doubled, swapped or put to the largest number, the end cut off, another format's
bytes put in. All go through the readers that the pages and commands use, with their limits of memory and time.

Ends with 1 where there is a fault: an exception that comes through, a file that gives neither digits nor a reason, an
image that is none.
"""

import bz2
import gzip
import lzma
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import pillow_heif
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray
from PIL import Image

from benchmarks.harness import Sections, busy, faults_of, run
from benchmarks.samples import written, zipped
from core import datasets, paths
from core.detector import file as detector_file
from core.errors import OddDigitError
from core.files import tensors
from core.ink import apart
from core.readers import pool, sources
from core.readers.items import AS_FOUND

DIGITS = 6  # in a file that holds several
TOGETHER = 2_000  # files of a batch
MODEL = "mnist-5"
MODELS_OF = 50  # one try in so many is a model: loading one takes as long as reading some hundred pictures
KINDS = ("flip bits", "overwrite", "zero", "largest number", "cut out", "double", "end", "append", "swap", "graft")
LARGEST = (b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff" * 4, b"\xff" * 8, b"\0\0\0\x80")
HEAD = 160  # bytes at the start, where formats say what they hold: half of all changes are made there
SLOW_SECONDS = 15.0  # of processor time for a model
_MODES = {"png": "RGBA", "jpg": "RGB", "bmp": "L", "gif": "P", "webp": "RGB", "tif": "L"}
_MODES |= {"heic": "RGB", "avif": "RGB", "pdf": "L"}
_NUMBERED = re.compile(r"(\d{6})\.")
_RAW = re.compile(r"\((?:\w+Error|\w*Exception|StopIteration)\b")

Random = np.random.Generator


@dataclass
class Tally:
    """What became of the files of a format."""

    tried: int = 0
    refused: int = 0  # those of which nothing was read, with a reason
    right: int = 0  # those that gave images, or a model that loads
    unnamed: int = 0  # refusals whose reason is an exception's name only, among the refused
    faults: list[str] = field(default_factory=list)  # what must not happen, in words


def originals() -> dict[str, bytes]:
    """A whole file of every format, by its suffix."""
    pillow_heif.register_heif_opener()
    ink = np.rint(datasets.load("digits", "test").images[:DIGITS] * 255).astype(np.uint8)
    labels = np.arange(DIGITS, dtype=np.int64)
    picture = Image.fromarray(255 - np.kron(ink[0], np.ones((4, 4), np.uint8)))
    files = {kind: _saved(picture.convert(mode), kind) for kind, mode in _MODES.items()}
    idx = b"\0\0\x08\x03" + np.array(ink.shape, ">i4").tobytes() + ink.tobytes()
    lines = "\n".join(",".join(map(str, (label, *image.ravel()))) for label, image in zip(labels, ink, strict=True))
    pngs = [_saved(Image.fromarray(image), "png") for image in ink]
    columns = {"image": pngs, "label": labels}
    lists = {"pixels": [image.tolist() for image in ink], "label": labels}
    files |= {"idx": idx, "csv": lines.encode(), "tsv": lines.replace(",", "\t").encode()}
    packed = gzip.compress(idx, mtime=0), bz2.compress(lines.encode()), lzma.compress(idx)
    files |= dict(zip(("idx.gz", "csv.bz2", "idx.xz"), packed, strict=True))
    files["npy"] = written(lambda file: np.save(file, ink, allow_pickle=False))
    files["npz"] = written(lambda file: np.savez_compressed(file, images=ink, labels=labels))
    files["parquet"] = written(lambda file: pq.write_table(pa.table(columns), file))
    files["lists.parquet"] = written(lambda file: pq.write_table(pa.table(lists), file))
    files["zip"] = zipped({f"{i}/a.png": png for i, png in enumerate(pngs)})
    return files


def mutated(content: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """A file's content after one to three changes."""
    data = bytearray(content)
    for _ in range(random.integers(1, 4)):
        if len(data) > 8:
            _change(data, others, random)
    return bytes(data)


def read_all(files: dict[str, tuple[str, bytes]], tallies: dict[str, Tally]) -> None:
    """Read files through the pool as one batch, and count what becomes of each.

    Args:
        files: name -> (format, content); names begin with a number of six digits.
        tallies: by format; added to.
    """
    kinds = {name[:6]: kind for name, (kind, _) in files.items()}
    images, errors = Counter[str](), dict[str, str]()
    for kind, _ in files.values():
        tallies[kind].tried += 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, (_, content) in files.items():
            (folder / file).write_bytes(content)
        for reading in pool.read(sources.places([folder]), 0, AS_FOUND, apart.cores()):
            if note := _NUMBERED.search(reading.note):
                errors.setdefault(note[1], reading.note)
            for row in reading.rows:
                number = _NUMBERED.search(row.source)
                if number is None:
                    tallies[next(iter(kinds.values()))].faults.append(f"a row of no file: {row.source!r}")
                elif row.error:
                    errors.setdefault(number[1], row.error)
                elif row.image is None or not _is_ink(row.image):
                    tallies[kinds[number[1]]].faults.append(f"{row.source}: an image that is none")
                else:
                    images[number[1]] += 1
    for at, kind in kinds.items():
        tally = tallies[kind]
        if images[at]:
            tally.right += 1
        elif at in errors:
            tally.refused += 1
            tally.unnamed += bool(_RAW.search(errors[at]))
        else:
            tally.faults.append(f"{at}.{kind}: neither digits nor a reason")


def load_model(content: bytes, tally: Tally) -> None:
    """Load what may be a model, and count what becomes of it."""

    def load(path: Path) -> None:
        try:
            detector_file.load(path)
            tally.right += 1
        except OddDigitError:
            tally.refused += 1
        except BaseException as error:  # the fault that is looked for
            tally.faults.append(f"a model: {type(error).__name__}: {error}")

    tally.tried += 1
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.safetensors"
        path.write_bytes(content)
        if (taken := busy(load, path)) > SLOW_SECONDS:
            tally.faults.append(f"a model took {taken:.0f} seconds")


def fuzz(tries: int, seed: int, only: str = "", models: bool = True) -> dict[str, Tally]:
    """Try so many mutated files, and one whole file of each format beside them.

    Args:
        tries: how many, shared out evenly between the formats.
        seed: of the changes; each file's are its own, whatever the number of tries.
        only: one format alone.
        models: whether models are among them.
    """
    whole = {kind: content for kind, content in originals().items() if only in ("", kind)}
    others = list(whole.values())
    tallies = {kind: Tally() for kind in whole}
    read_all({f"{i:06d}.{kind}": (kind, content) for i, (kind, content) in enumerate(whole.items())}, tallies)
    for kind, tally in tallies.items():
        if tally.right != 1:
            tally.faults.append(f"a whole {kind} file is not read")
    kinds = list(whole)
    numbers = [i for i in range(tries) if not models or only or i % MODELS_OF]
    for start in range(0, len(numbers), TOGETHER):
        files = {}
        for i in numbers[start : start + TOGETHER]:
            kind = kinds[i % len(kinds)]
            files[f"{i:06d}.{kind}"] = (kind, mutated(whole[kind], others, np.random.default_rng((seed, i))))
        read_all(files, tallies)
    if models and only in ("", "model"):
        tallies["model"] = Tally()
        content = (paths.CHECKPOINTS / f"{MODEL}.safetensors").read_bytes()
        for i in range(0, tries, MODELS_OF):
            random = np.random.default_rng((seed, i))
            # Half of them as somebody makes them who knows of the checksum: it goes by a name nobody looks for.
            unsealed = content.replace(tensors.CHECKSUM.encode(), b"SHA256", 1)
            changed = mutated(content if i % 2 else unsealed, [content], random)
            load_model(changed, tallies["model"])
    return tallies


def _change(data: bytearray, others: Sequence[bytes], random: Random) -> None:
    """One change of one kind, in place."""
    at, few, many = _place(data, random), int(random.integers(1, 64)), int(random.integers(1, 256))
    match KINDS[int(random.integers(len(KINDS)))]:
        case "flip bits":
            for _ in range(random.integers(1, 9)):
                data[_place(data, random)] ^= 1 << random.integers(8)
        case "overwrite":
            data[at : at + 16] = random.bytes(min(16, len(data) - at))
        case "zero":
            data[at : at + few] = bytes(min(few, len(data) - at))
        case "largest number":
            number = LARGEST[random.integers(len(LARGEST))]
            data[at : at + len(number)] = number
        case "cut out":
            del data[at : at + few]
        case "double":
            data[at:at] = data[at : at + many]
        case "end":
            del data[int(random.integers(1, len(data))) :]
        case "append":
            data += random.bytes(many)
        case "swap":
            one, other = sorted(int(at) for at in random.integers(0, len(data) - 4, 2))
            data[one : one + 4], data[other : other + 4] = data[other : other + 4], data[one : one + 4]
        case "graft":
            other_file = others[int(random.integers(len(others)))]
            begin = int(random.integers(len(other_file)))
            data[at : at + 64] = other_file[begin : begin + 64]


def _place(data: bytearray, random: Random) -> int:
    return int(random.integers(min(HEAD, len(data)) if random.integers(2) else len(data)))


def _is_ink(image: NDArray[np.float32]) -> bool:
    return image.shape == (28, 28) and bool(np.isfinite(image).all()) and 0 <= image.min() <= image.max() <= 1


def _saved(picture: Image.Image, kind: str) -> bytes:
    name = {"jpg": "JPEG", "tif": "TIFF", "heic": "HEIF"}.get(kind, kind.upper())
    return written(lambda file: picture.save(file, name))


def main(
    tries: Annotated[int, typer.Option(help="In all.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the changes.")] = 0,
    only: Annotated[str, typer.Option(help="One format alone, such as png or lists.parquet.")] = "",
) -> Sections:
    """Change, read and count."""
    tallies = fuzz(tries, seed, only)
    columns = ["format", "tried", "refused", "right", "refused, by an exception's name"]
    rows = {kind: [one.tried, one.refused, one.right, one.unnamed] for kind, one in tallies.items()}
    yield from faults_of("Mutated files", columns, rows, {kind: one.faults for kind, one in tallies.items()})


if __name__ == "__main__":
    run(main)
