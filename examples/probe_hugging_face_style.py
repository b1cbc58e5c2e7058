"""
Probe a model with Hugging Face's calling convention
====================================================

A model that names its `main_input_name` and returns an output with `last_hidden_state` or `pooler_output` is called as
`transformers` would call it. This one is a small, randomly initialised transformer over patches; nothing is downloaded.

Run: python examples/probe_hugging_face_style.py
"""

from dataclasses import dataclass

import torch

import infoloom as loom

torch.set_num_threads(1)


@dataclass
class Output:
    """As the outputs of `transformers`: an attribute for each part."""

    last_hidden_state: torch.Tensor


class SmallViT(torch.nn.Module):
    """Patches of 4 × 4 pixels, one layer of attention."""

    main_input_name = "pixel_values"

    def __init__(self, hidden_size: int = 32) -> None:
        super().__init__()
        self.patches = torch.nn.Conv2d(1, hidden_size, 4, stride=4)
        self.layer = torch.nn.TransformerEncoderLayer(hidden_size, 4, 64, batch_first=True)

    def forward(self, pixel_values: torch.Tensor) -> Output:
        """(n, 1, 8, 8) → tokens (n, 4, hidden_size)."""
        return Output(self.layer(self.patches(pixel_values).flatten(2).transpose(1, 2)))


# %%
# One such model for each modality of a preset. It sees observations, digits out of a trained flow, made in memory;
# ceilings come from the story's truth.
story = loom.preset("digits-pair")
data = story.observe(story.sample(700, seed=0))
torch.manual_seed(0)
models = {name: SmallViT() for name in story.modalities}
table = loom.ssl.probe(models, data, truth=story.truth_table(), probes=["ridge"], batch=64)
print(table)
assert all(score.value < 1.0 for score in table.scores if score.of == "theta")
