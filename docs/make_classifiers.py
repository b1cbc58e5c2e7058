"""Train the classifiers that compare samples with real rows: `python docs/make_classifiers.py NAME --data FILE`.

The file lies in `src/infoloom/observations/realism/classifiers/NAME.safetensors`; `infoloom flow check NAME --quality`
uses it. One core takes minutes, for `cifar10` about an hour. `--continue` goes on from the file and trains the last of
the numbers of epochs only.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import torch

from infoloom.observations.realism.features import CLASSIFIERS, load_features, save_features, train_features
from infoloom.observations.workflow import data_of_flow

SETTINGS: dict[str, dict[str, Any]] = {
    "cifar10": {"epochs": [7, 5, 8], "sizes": (64, 256, 256), "augmentation": "mirror"},
    "mnist": {"epochs": [4], "sizes": (16, 32, 64)},
    "galaxy": {"epochs": [20], "sizes": (16, 32, 64), "augmentation": "dihedral"},
    "digits": {"epochs": [30], "sizes": (16, 32, 64)},
    "spoken": {"epochs": [30], "sizes": (16, 32, 64)},
    "heartbeat": {"epochs": [15], "sizes": (16, 32, 64), "augmentation": "amplitude"},
    "supernova": {"epochs": [15], "sizes": (16, 32, 64), "augmentation": "amplitude"},
    "star": {"epochs": [40], "sizes": (16, 32, 64)},
    "rr-lyrae": {"epochs": [60], "sizes": (16, 32, 64)},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flow", metavar="NAME", choices=sorted(SETTINGS))
    parser.add_argument("--data", required=True)
    parser.add_argument("--continue", dest="goes_on", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    path = given.output or CLASSIFIERS / f"{given.flow}.safetensors"
    begun = load_features(CLASSIFIERS / f"{given.flow}.safetensors") if given.goes_on else None
    torch.set_num_threads(1)
    began = time.process_time()
    features = train_features(data_of_flow(given.flow, given.data), begun=begun, **SETTINGS[given.flow])
    save_features(path, features)
    taken = time.process_time() - began
    sys.stdout.write(
        f"{given.flow}: right on {features.accuracy:.2%} of held-out rows, {taken:.0f} s of one core\n"
    )


if __name__ == "__main__":
    main()
