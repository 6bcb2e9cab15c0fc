"""One argset with all defaults: the plainest form of a parameter file."""

from params import Args


def get_params() -> list[Args]:
    return [Args(name="base")]
