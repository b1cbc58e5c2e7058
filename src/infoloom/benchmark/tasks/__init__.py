"""Tasks: pairs of any number of rows whose mutual information is known."""

from infoloom.benchmark.meta.stream import RandomTask, TaskStream, stream
from infoloom.benchmark.tasks.base import PairTask
from infoloom.benchmark.tasks.catalogue import FAMILIES, build, groups, names
from infoloom.benchmark.tasks.stories.grids import GridTask
from infoloom.benchmark.tasks.stories.ladder import LadderTask
from infoloom.benchmark.tasks.stories.presets import StoryTask
from infoloom.benchmark.tasks.stories.seen import CaptionTask, SeenTask
from infoloom.benchmark.tasks.stories.words import WordsTask
from infoloom.benchmark.tasks.vectors.beyond_normal import BeyondNormalTask
from infoloom.benchmark.tasks.vectors.gaussian import GaussianTask, from_mi

__all__ = [
    "FAMILIES",
    "BeyondNormalTask",
    "CaptionTask",
    "GaussianTask",
    "GridTask",
    "LadderTask",
    "PairTask",
    "RandomTask",
    "SeenTask",
    "StoryTask",
    "TaskStream",
    "WordsTask",
    "build",
    "from_mi",
    "groups",
    "names",
    "stream",
]
