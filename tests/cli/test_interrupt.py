"""Ctrl-C in a generation says what is there, and that the same command goes on."""

from __future__ import annotations

import pytest

from infoloom.cli.main import main
from infoloom.datasets import open_dataset
from infoloom.datasets.engines.local import LocalEngine

SPEC = """
name: small
causes: {u: normal}
targets: {t: 0.5*u + noise}
modalities:
  a: {flow: "vector(3)", latent: "0.5*u + noise"}
"""


@pytest.mark.parametrize(
    ("finished", "said"),
    [(0, "none of 3 shards is finished yet"), (2, "2 of 3 shards are finished and kept")],
)
def test_ctrl_c_says_what_is_finished_and_that_the_same_command_goes_on(
    finished, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / "spec.yaml").write_text(SPEC)
    out = tmp_path / "out"
    words = ["generate", str(tmp_path / "spec.yaml"), str(out), "--rows", "60", "--rows-per-shard", "20"]
    monkeypatch.setattr("sys.argv", ["infoloom", *words, "--workers", "1"])
    whole = LocalEngine.run

    def interrupted(self, jobs):
        yield from whole(self, jobs[:finished])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalEngine, "run", interrupted)
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == f"\ninfoloom: stopped; {said}; the same command goes on\n"
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert len(open_dataset(out)) == 60
