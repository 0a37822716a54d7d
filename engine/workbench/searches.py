"""The part of the workbench for uploaded query pictures, saved searches and the history."""

from __future__ import annotations

from engine.core.recipe import Recipe
from engine.search import saved, uploads
from engine.search.answer import Answer, Query
from engine.search.examples import Example, parse_examples, print_examples
from engine.search.saved import SavedSearch
from engine.workbench.part import Part


class SearchMethods(Part):
    """Methods for what a home keeps of searches, mixed into `Workbench`."""

    # ── uploads and examples ─────────────────────────────────────────────────────────────────────────────────────

    def keep_upload(self, data: bytes, name: str) -> str:
        """Keep an uploaded query picture for a while; its sha256, for addresses and `kept_upload`."""
        return uploads.keep_upload(self.home, data, name)

    def kept_upload(self, digits: str) -> tuple[bytes, str]:
        """The bytes and the name of an upload, by 8 or more digits of its sha256; NotFound if it is no longer kept."""
        return uploads.kept_upload(self.home, digits)

    def kept_example(self, digits: str) -> Example:
        """An upload as an example; raises as `kept_upload`."""
        data, name = self.kept_upload(digits)
        return Example(data=data, name=name)

    def parse_query(self, text: str) -> Query:
        """The query whose written form is `text`, as `print_query` gives it: #12 + "striped" - upload:1f3a…

        Raises:
            BadParameter: no such form. NotFound: an upload that is no longer kept.
        """
        return Query.of(*parse_examples(text, self.kept_example))

    def print_query(self, query: Query) -> str:
        """The written form of a query, for an address; its uploads are kept, so that `parse_query` finds them.

        Words beside a picture become an example of their own, with the weight of 1.
        """
        examples = query.examples or tuple(_examples_of(query))
        for one in examples:
            if one.data is not None:
                self.keep_upload(one.data, one.name)
        return print_examples(examples)

    # ── saved searches and history ───────────────────────────────────────────────────────────────────────────────

    def save_search(self, name: str, answer: Answer) -> SavedSearch:
        """Save the search of an answer under a name; BadParameter, NameTaken."""
        return saved.save_search(self.home, name, self._saved(answer))

    def saved_searches(self, collection: str = "") -> list[SavedSearch]:
        """The saved searches, all or those of one collection, in the order of saving."""
        return [one for one in saved.saved_searches(self.home) if collection in ("", one.collection)]

    def saved_search(self, name: str) -> SavedSearch:
        """The saved search of that name; NotFound if there is none."""
        return saved.saved_search(self.home, name)

    def forget_search(self, name: str) -> SavedSearch:
        """Delete a saved search and return it, for `restore_search`; NotFound if there is none."""
        return saved.forget_search(self.home, name)

    def restore_search(self, search: SavedSearch) -> SavedSearch:
        """Save a search that was deleted again; NameTaken."""
        return saved.save_search(self.home, search.name, search)

    def remember_search(self, answer: Answer) -> None:
        """Put the search of an answer at the head of the history."""
        saved.remember(self.home, self._saved(answer))

    def search_history(self, collection: str = "") -> list[SavedSearch]:
        """The last hundred searches, newest first, all or those of one collection."""
        return [one for one in saved.history(self.home) if collection in ("", one.collection)]

    def clear_history(self) -> None:
        """Forget which searches were made."""
        saved.clear_history(self.home)

    def recipe_and_query(self, search: SavedSearch) -> tuple[Recipe, Query]:
        """What `search` takes to make a saved search again; NotFound for an upload that is no longer kept."""
        return Recipe.parse(search.recipe), self.parse_query(search.query)

    def _saved(self, answer: Answer) -> SavedSearch:
        return SavedSearch(
            recipe=str(answer.recipe),
            query=self.print_query(answer.query),
            label=answer.label or "",
            where=answer.where,
            include_query=answer.include_query,
            local_scaling=answer.local_scaling,
        )


def _examples_of(query: Query) -> list[Example]:
    pictured = query.image_id is not None or query.data is not None
    found = [Example(query.image_id, query.data, query.name, crop=query.crop)] if pictured else []
    return found + ([Example(text=query.text)] if query.text else [])
