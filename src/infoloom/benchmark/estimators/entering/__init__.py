"""Who enters the benchmark, and what it will see of an entrant."""
