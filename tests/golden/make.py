"""Write the truth table of every preset beside this file: `python tests/golden/make.py`."""

from __future__ import annotations

import json
from pathlib import Path

from infoloom.spec.load import preset_names
from infoloom.story import compile_story

if __name__ == "__main__":
    for name in preset_names():
        story = compile_story(name)
        golden = {"preset": name, "digest": story.spec.digest, "nats": story.truth_table()}
        path = Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
