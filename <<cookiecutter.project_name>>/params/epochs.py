"""Ten argsets from a loop over the epochs of the experiment `stub`."""

from params import Args


def get_params() -> list[Args]:
    args = []
    for i in range(5, 15):
        args.append(Args(name=f"epochs_run_{i}", example_number_of_epochs=i))
    return args
