"""Find the pictures of a folder that look like one of yours.

python examples/search.py ~/Pictures beach.jpg
"""

import argparse

import benzer


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", help="pictures to search in; they stay where they lie")
    words.add_argument("picture", help="the picture to search with")
    words.add_argument("--encoder", default="", help="by default the best one that is ready")
    arguments = words.parse_args()

    bench = benzer.Workbench()
    collection = bench.import_folder(arguments.folder)
    recipe = bench.default_recipe(collection.name)
    if arguments.encoder:
        recipe = recipe.but(encoder=arguments.encoder, weights="", embedding="flatten")
    bench.prepare(recipe)  # computes the vectors that are missing

    answer = bench.search(recipe, arguments.picture)
    print(answer.to_frame()[["rank", "name", "label", "distance"]].to_string(index=False))
    print(answer.sentence())


if __name__ == "__main__":
    main()
