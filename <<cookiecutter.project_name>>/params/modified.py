"""The argset of `base.py` with a change, for the experiment `stub`."""

from params import Args, base


def get_params() -> list[Args]:
    args = base.get_params()
    args[0].name = "modified"
    args[0].starting_data = [0, 2, 4, 6]
    return args
