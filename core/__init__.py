"""Odd Digit Out: a GAN learns what normal handwritten digits look like and tells how odd another one is."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from core import paths

        return paths.version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
