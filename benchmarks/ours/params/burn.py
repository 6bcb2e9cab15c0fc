"""Sixteen seeds."""

from params import Args


def get_params() -> list[Args]:
    return [Args(name=f"s{seed}", seed=seed) for seed in range(16)]
