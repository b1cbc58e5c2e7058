"""Tasks: pairs of any number of rows whose mutual information is known."""

from infoloom.benchmark.meta.stream import RandomTask, TaskStream, stream
from infoloom.benchmark.tasks.base import PairTask
from infoloom.benchmark.tasks.beyond_normal import BeyondNormalTask
from infoloom.benchmark.tasks.catalogue import FAMILIES, build, groups, names
from infoloom.benchmark.tasks.gaussian import GaussianTask, from_mi
from infoloom.benchmark.tasks.grids import GridTask
from infoloom.benchmark.tasks.ladder import LadderTask
from infoloom.benchmark.tasks.seen import CaptionTask, SeenTask
from infoloom.benchmark.tasks.stories import StoryTask
from infoloom.benchmark.tasks.words import WordsTask

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
