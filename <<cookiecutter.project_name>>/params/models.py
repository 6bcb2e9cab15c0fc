"""Three classifiers with three seeds each: what `digits` compares."""

from params import Args
from params.common import seed_set


def get_params() -> list[Args]:
    knn_args = Args(name="knn", model_type="knn")
    svm_args = Args(name="svm", model_type="svm")
    mlp_args = Args(name="mlp", model_type="mlp")

    all_args = []
    for args in (knn_args, svm_args, mlp_args):
        all_args.extend(seed_set(args, 3))
    return all_args
