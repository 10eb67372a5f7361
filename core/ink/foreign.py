"""Foreign files: kinds that people have digits in and that are not read, each with what to make of it instead."""

from pathlib import PurePosixPath

_ARRAYS = "in Python, numpy.savez('digits.npz', images=..., labels=...)"
_TABLE = "save it as CSV, a digit a line"
_PICTURE = "save or export it as PNG or PDF"
_RUNS = f"it is not opened, because opening it can run code in it: save its arrays {_ARRAYS}"
# What a kind is called, the ends of its names, its first bytes, and what to do.
KINDS: tuple[tuple[str, tuple[str, ...], tuple[bytes, ...], str], ...] = (
    ("a PyTorch file", (".pt", ".pth", ".ckpt"), (), _RUNS),
    (
        "a pickle of Python",
        (".pkl", ".pickle", ".joblib"),
        (b"\x80\x02", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95"),
        _RUNS,
    ),
    ("R's data", (".rds", ".rdata", ".rda"), (b"RDX2\n", b"RDX3\n", b"X\n\0\0\0"), f"{_TABLE}, by write.csv"),
    ("an HDF5 file", (".h5", ".hdf5", ".hdf"), (b"\x89HDF\r\n",), f"open it with h5py and save its arrays {_ARRAYS}"),
    ("MATLAB's", (".mat",), (b"MATLAB ",), f"open it with scipy.io.loadmat and save its arrays {_ARRAYS}"),
    ("a spreadsheet", (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), (b"\xd0\xcf\x11\xe0",), _TABLE),
    ("JSON", (".json", ".jsonl", ".ndjson"), (), f"save its arrays {_ARRAYS}, or {_TABLE}"),
    ("TensorFlow's", (".tfrecord", ".tfrecords", ".pb", ".keras"), (), f"save its arrays {_ARRAYS}"),
    (
        "an Arrow file",
        (".feather", ".arrow", ".orc", ".avro"),
        (b"ARROW1\0", b"FEA1", b"ORC", b"Obj\x01"),
        "save it as Parquet or CSV",
    ),
    (
        "a database",
        (".db", ".sqlite", ".sqlite3", ".lmdb", ".mdb"),
        (b"SQLite format 3",),
        f"export its table: {_TABLE}",
    ),
    ("a model", (".safetensors", ".onnx"), (), f"give digits; arrays are saved {_ARRAYS}"),
    ("a medical or astronomical picture", (".dcm", ".nii", ".fits"), (b"SIMPLE  =",), "export it as PNG or TIFF"),
    ("a document", (".docx", ".doc", ".pptx", ".odt", ".html", ".htm"), (b"<!DOCTYPE html", b"<html"), _PICTURE),
    ("a drawing", (".svg", ".eps", ".ps", ".ai", ".psd", ".xcf"), (b"<svg", b"%!PS", b"8BPS", b"gimp xcf"), _PICTURE),
    ("raw bytes", (".raw", ".bin"), (), f"save it {_ARRAYS}: nothing in it says how its images lie"),
    (
        "an archive",
        (
            ".7z",
            ".rar",
            ".tar",
            ".tgz",
            ".zst",
            ".lz4",
            ".z",
            ".lz",
            ".lzma",
            ".cab",
            ".iso",
            ".dmg",
            ".arj",
            ".lzh",
            ".exe",
        ),
        (b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"LZIP", b"MSCF", b"070701"),
        "unpack it first, or pack it as zip",
    ),
    ("a film", (".webm", ".mov", ".avi", ".mkv", ".mp4"), (b"\x1aE\xdf\xa3",), "save a picture of it as PNG"),
)


def remedy(name: str, head: bytes = b"") -> str | None:
    """What a file of a kind that is not read is, and what to do; None for all others.

    Args:
        name: of the file; what only says that it is compressed is passed over.
        head: its first bytes, unpacked; they tell a kind that has another name.

    >>> remedy("data/sheet.xlsx")
    'data/sheet.xlsx is a spreadsheet, which is not read: save it as CSV, a digit a line.'
    >>> remedy("five.png")
    """
    suffixes = {suffix.lower() for suffix in PurePosixPath(name).suffixes[-2:]} - {".gz", ".bz2", ".xz"}
    named = [kind for kind in KINDS if suffixes & set(kind[1])]
    head = b"Rar!" if head[257:262] == b"ustar" else head  # tar's mark stands where a file's content would
    known = named or [kind for kind in KINDS if kind[2] and head.startswith(kind[2])]
    return f"{name} is {known[0][0]}, which is not read: {known[0][3]}." if known else None
