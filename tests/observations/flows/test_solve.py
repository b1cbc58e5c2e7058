"""Solving steps: against a dense solution, rows on their own, hard rows named by their error."""

from __future__ import annotations

import pytest
import torch

from infoloom.observations.flows.solve import solve_step


def problem(strength: float, rows: int = 12, size: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    matrix = torch.randn((size, size), generator=generator, dtype=torch.float64)
    return strength * matrix / torch.linalg.matrix_norm(matrix, 2), torch.randn(
        (rows, size), generator=generator, dtype=torch.float64
    )


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_linear_steps_agree_with_the_dense_solution(strength: float) -> None:
    matrix, goal = problem(strength)
    solution = solve_step(lambda y: (y[:, None, :] * matrix).sum(dim=2), goal, tolerance=1e-13)
    dense = torch.linalg.solve(torch.eye(10, dtype=torch.float64) + matrix, goal.T).T
    assert torch.allclose(solution.values, dense, atol=1e-11)
    assert float(solution.error.max()) <= 1e-13


def test_an_expanding_monotone_step_is_solved_where_the_fixed_point_diverges() -> None:
    goal = torch.linspace(-3.0, 3.0, 40, dtype=torch.float64).view(4, 10)
    steep = lambda y: 2.5 * torch.tanh(y) + 0.2 * y  # noqa: E731
    point = goal
    for _ in range(60):
        point = goal - steep(point)
    assert float((point + steep(point) - goal).abs().max()) > 0.1
    solution = solve_step(steep, goal, tolerance=1e-12, limit=200)
    assert float((solution.values + steep(solution.values) - goal).abs().max()) < 1e-10


def test_a_row_is_solved_alike_alone_and_in_company() -> None:
    _, goal = problem(0.5)
    curve = lambda y: 0.7 * torch.sin(y)  # noqa: E731
    together = solve_step(curve, goal, tolerance=1e-12).values
    for index in range(len(goal)):
        assert torch.equal(
            solve_step(curve, goal[index : index + 1], tolerance=1e-12).values[0], together[index]
        )


def test_a_step_without_a_solution_says_how_far_off_it_is() -> None:
    goal = torch.ones((2, 3), dtype=torch.float64)
    solution = solve_step(
        lambda y: -y + 0.1 * torch.tanh(y), goal, tolerance=1e-12, limit=30
    )  # y + g(y) stays below 0.1
    assert float(solution.error.min()) >= 0.9


def test_no_increment_needs_one_evaluation() -> None:
    goal = torch.ones((2, 3))
    solution = solve_step(torch.zeros_like, goal, tolerance=1e-6)
    assert solution.evaluations == 1
    assert torch.equal(solution.values, goal)


def test_a_search_that_pauses_far_from_the_solution_goes_on() -> None:
    """A steep gradient map in 24 dimensions: the error does not fall in every four evaluations, and then it does."""
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        weights = torch.randn(24, 24, generator=generator) / 24**0.5
        torch.randn(24, 24, generator=generator)
        wanted = 2.0 * torch.randn(8, 24, generator=generator)

        def steep(y: torch.Tensor, weights: torch.Tensor = weights) -> torch.Tensor:
            return -0.7 * y + torch.tanh(3.0 * y @ weights.T) @ weights

        solution = solve_step(steep, wanted + steep(wanted), tolerance=4e-7)
        assert float(solution.error.max()) <= 4e-7
        assert torch.allclose(solution.values, wanted, atol=1e-4)
