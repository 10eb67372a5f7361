"""Few images: what training makes of the bundled digits, and of sixty of one person's size, as the pages train them.

    python -m benchmarks.generator.few_images [--digits 5,3]

scikit-learn's digits are there on a machine that was never online, about 143 of a label to train on. The sixty are
MNIST training images of the development fold, in place of a person's own. Processor seconds are those of this process.
"""

import numpy as np

from benchmarks.generator.fresh import flagged, grey_share
from benchmarks.harness import Digits, Sections, auroc, busy, run, say
from benchmarks.results import table
from core import datasets
from core.detector import Detector
from core.operating_point import EVIDENCES

FRESH = ("fresh: flagged at 5 %", "real: flagged", "fresh: grey share", "real: grey share")
OWN = 60


def main(digits: Digits = "5,3") -> Sections:
    """Train on few images."""
    bundled = datasets.load("digits", "train"), datasets.load("digits", "test")
    training, development = datasets.development(datasets.load("mnist", "train"))
    rows = []
    for digit in digits.split(","):
        for name, images, judges in (
            (f"bundled {digit}s", bundled[0].of(digit), bundled[1]),
            (f"{OWN} of MNIST's {digit}s", training.of(digit)[:OWN], development),
        ):
            say(name)
            detector = Detector(seed=0)
            spent = busy(detector.fit, images)
            anomaly = np.array(judges.label_names)[judges.labels] != digit
            scores = detector.inspect(judges.images).scores
            both = detector.sample(500, seed=1), judges.images[~anomaly]
            kept = np.isfinite(detector.calibrations_["fused"].threshold(0.05))  # with so few there may be no threshold
            flags = [f"{flagged(detector, part):.3f}" if kept else "no threshold" for part in both]
            areas = [auroc(scores[evidence][~anomaly], scores[evidence][anomaly]) for evidence in EVIDENCES]
            greys = [f"{grey_share(part):.3f}" for part in both]
            rows.append([name, len(images), f"{spent:.0f}", *flags, *greys, *areas])
    title = "Models of few images, judged by the bundled test digits and by MNIST's development fold."
    yield "Few images", title, table(["trained on", "images", "processor s", *FRESH, *EVIDENCES], rows)


if __name__ == "__main__":
    run(main)
