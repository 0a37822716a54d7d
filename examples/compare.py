"""Compare encoders on a labelled folder: which of them has pictures of the same label nearest?

python examples/compare.py ~/Pictures --encoders colour-histogram raw-pixels
"""

import argparse

import benzer


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", help="pictures in one sub-folder for each label")
    words.add_argument("--encoders", nargs="+", default=["colour-histogram", "raw-pixels"])
    arguments = words.parse_args()

    bench = benzer.Workbench()
    collection = bench.import_folder(arguments.folder)
    plan = benzer.ExperimentPlan(
        title="Encoders on " + collection.title,
        collection=collection.name,
        encoders=tuple(arguments.encoders),
        embeddings=("flatten",),
        metrics=("cosine", "euclidean"),
        methods=("exact",),
        k=3,
    )
    made = bench.plan_experiment(plan)
    bench.run("experiment", name=made.name)  # what is measured is kept: running it again goes on
    for row in sorted(made.rows(), key=lambda row: -row.precision):
        print(f"{row.precision:.3f}  {row.recipe}")


if __name__ == "__main__":
    main()
