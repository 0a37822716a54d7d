"""Train an autoencoder on a folder of pictures, and search with what it learned.

python examples/train.py ~/Pictures --epochs 10
"""

import argparse

import benzer


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", help="pictures to train on, at least 16")
    words.add_argument("--epochs", type=int, default=10)
    words.add_argument("--size", type=int, default=160, help="side of the pictures in pixels")
    arguments = words.parse_args()

    bench = benzer.Workbench()
    collection = bench.import_folder(arguments.folder)
    config = {"model": 1, "epochs": arguments.epochs, "size": arguments.size, "batch": 8}
    trained = bench.run("train", collection=collection.name, config=config)
    run = bench.training_run(trained["run"])
    print(f"{run.title}: {run.state}")

    recipe = bench.prepare(benzer.Recipe(collection.name, "model-1", run.name, "max"))
    first = int(collection.images().ids[0])
    print(bench.search(recipe, first).to_frame()[["rank", "name", "distance"]].to_string(index=False))


if __name__ == "__main__":
    main()
