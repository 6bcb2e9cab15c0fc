"""One argset with all defaults: the plainest parameter file."""

from params import Args


def get_params() -> list[Args]:
    return [Args(name="base")]
