"""What a call asks for, tried before any run has begun: a wrong name, file or number is one error, not one a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from infoloom.benchmark.running.runner import Job
from infoloom.errors import BenchmarkError

__all__ = ["check_jobs"]


def check_jobs(jobs: Sequence[Job], *, built: bool) -> None:
    """Refuse runs that cannot go well: their stories and sizes are made, and their learners, but not trained.

    Args:
        jobs: Runs of `runs.learn`.
        built: Whether learners are made, and so files of one's own are run; otherwise their names are looked at.

    Raises:
        InfoloomError: What the first of these runs would fail with.
    """
    from infoloom.benchmark.learners.runs import Size, learner_of
    from infoloom.benchmark.learners.stories import make_story
    from infoloom.ssl.registry import require_name

    for name, times in Counter(job.run for job in jobs).items():
        if times > 1:
            raise BenchmarkError(f"run `{name}`: expected once, got {times}. Name each learner once.")
    first = {job.arguments["seed"] for job in jobs[:1]}
    for given in (job.arguments for job in jobs if job.arguments["seed"] in first):
        spent = Size(**given["size"])
        if given["learner_file"] is None:
            require_name(given["objective"])
        story = make_story(given["experiment"], **given["params"])
        if built:
            files = given["learner_file"], given["encoder_file"]
            learner_of(story, given["objective"], given["seed"], spent, *files)
