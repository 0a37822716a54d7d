"""The part of the workbench for programs and notebooks, which takes folders, arrays and modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.collections.collection import Collection
from engine.collections.listing import collections
from engine.collections.reading.workers import read_in_worker
from engine.collections.sources.job import title_of
from engine.core.errors import BadParameter, NotFound
from engine.core.recipe import Recipe
from engine.core.settings import check_text
from engine.encoders import EncoderInfo, choices, open_encoder
from engine.encoders.choosing import default_choice, default_embedding
from engine.encoders.onnx_networks import OnnxEncoder, add_network, remove_network
from engine.encoders.own_modules import OwnModuleEncoder, add_module, checked_preparation, remove_module
from engine.encoders.pooling import unfinished
from engine.encoders.vectors.batches import embed_pictures
from engine.interchange import make_format
from engine.workbench.inputs import PictureLike, picture_bytes, picture_list
from engine.workbench.part import RecipeLike
from engine.workbench.pictures import PictureMethods
from engine.workbench.running import JobMethods

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch.nn import Module

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class NotebookMethods(JobMethods, PictureMethods):
    """Methods for programs and notebooks, mixed into `Workbench`."""

    def __repr__(self) -> str:
        return f"<Workbench at {self.home.root}>"

    def import_folder(self, folder: str | PathLike[str], title: str = "", *, follow_links: bool = False) -> Collection:
        """The collection of a folder's pictures, which are read in place; a folder imported before is rescanned.

        Args:
            title: of a new collection; by default the folder's name.
            follow_links: whether links may lead out of the folder.

        Raises:
            BadParameter: not a path or a title. NotFound: no such folder. Unreadable: no picture in it. NameTaken.
        """
        check_text("title", "an import", title)
        path = _path(folder, "an import")
        known = next((one.name for one in collections(self.home) if one.source.get("folder") == str(path)), None)
        if known is not None:
            report = self.run("rescan", collection=known)
        else:
            given: dict[str, Any] = {"source": "folder", "title": title or title_of(path), "path": str(path)}
            if follow_links:
                given["follow_links"] = True
            report = self.run("import", **given)
        return Collection.open(self.home, report["collection"])

    def import_dataset(
        self,
        path: str | PathLike[str],
        format: str,
        title: str = "",
        *,
        columns: Mapping[str, str] | None = None,
        follow_links: bool = False,
    ) -> Collection:
        """A new collection from a data set of another program: pictures, labels, tags, vectors and groups.

        Args:
            path: a folder or an archive. format: one of `engine.interchange.formats()`.
            title: by default the name of the folder or file. columns: the data set's names of label, text and so on.
            follow_links: whether links may lead out of the folder.

        Raises:
            BadParameter: a wrong type, no such format, or a value that cannot be. NotFound: nothing at that path.
            Unreadable: no data set of that format. NameTaken.
        """
        path = _path(path, "an import", resolved=False)
        check_text("title", "an import", title)
        make_format(format, columns)
        given: dict[str, Any] = {"title": title or title_of(path), "path": str(path), "format": format}
        given |= {"follow_links": True} if follow_links else {}
        report = self.run("import", source="dataset", **given, columns=dict(columns or {}))
        return Collection.open(self.home, report["collection"])

    def export(
        self,
        collection: Collection | str,
        format: str,
        folder: str | PathLike[str],
        *,
        vectors: Recipe | str = "",
        grouping: str = "",
        where: str = "",
        columns: Mapping[str, str] | None = None,
    ) -> Path:
        """Write a collection as a data set of another program; the new folder below `folder`.

        Args:
            format: one of `engine.interchange.formats()`. vectors: the recipe whose vectors go along.
            grouping: the name of one whose groups and map do. where: a filter of the pictures, as in `search`.
            columns: other names of image, label and so on, for formats in which they vary.

        Raises:
            BadParameter: a wrong type, no such format, or one that needs vectors. NotFound: no such collection,
            grouping or folder, or no picture can be read. StorageFull: they do not fit.
        """
        check_text("grouping", "an export", grouping)
        check_text("filter", "an export", where)
        make_format(format, columns)
        name = self.recipe_of(collection).collection
        given: dict[str, Any] = {"collection": name, "format": format, "folder": str(_path(folder, "an export"))}
        given |= {"recipe": self.recipe_of(vectors).as_dict()} if vectors else {}
        given |= {"ids": self.meeting(name, where).tolist()} if where else {}
        return Path(self.run("export", **given, grouping=grouping, columns=dict(columns or {}))["path"])

    def prepare(self, recipe: RecipeLike) -> Recipe:
        """Compute the missing vectors of a recipe, or of a collection's default recipe, and return the recipe.

        Raises:
            What `recipe_of` raises. NotTrained, NoWeights: the encoder has no weights yet.
        """
        recipe = self.recipe_of(recipe)
        self.run("embed", recipe=recipe.as_dict())
        return recipe

    def encode(
        self, images: PictureLike | Iterable[PictureLike], encoder: str = "", *, pooling: str = ""
    ) -> NDArray[np.float32]:
        """The (n, d) float32 vectors of pictures that belong to no collection.

        Args:
            images: one picture or several: paths, bytes of files, PIL images, arrays or tensors.
            encoder: as in a recipe, `model-4@default`; by default the best ready-made network.
            pooling: one that needs no other vectors, like `avg`; by default the encoder's.

        Raises:
            BadParameter: a picture, an encoder or a pooling of another form. NotFound: no such file or encoder.
            UnreadableImage: a file that is no picture. NotTrained, NoWeights: the encoder has no weights yet.
        """
        for parameter, value in (("encoder", encoder), ("pooling", pooling)):
            check_text(parameter, "encoding", value)
        if pooling != unfinished(pooling):
            raise BadParameter("pooling", "encoding", "one that needs no other vectors", pooling)
        name, _, weights = (encoder or default_choice(self.home, "").key).partition("@")
        embedding = pooling or unfinished(default_embedding(self.home, name, weights))
        pictures = [partial(read_in_worker, picture_bytes(one), crop=None) for one in picture_list(images)]
        return embed_pictures(open_encoder(name, weights, self.home), pictures, embedding)

    def add_encoder(
        self,
        name: str,
        module: Module | str | PathLike[str],
        *,
        size: int = 224,
        mean: Sequence[float] = _IMAGENET_MEAN,
        std: Sequence[float] = _IMAGENET_STD,
    ) -> EncoderInfo:
        """Offer a network as an encoder, under a fingerprint of its weights: a module of PyTorch or an ONNX file.

        A module serves as long as this process runs, as code is never stored; when it is added again, its vectors are
        found again. An ONNX file is copied into the home, where pages and jobs use it, too (`remove_encoder`). Either
        replaces what was added before under that name; only a module does not replace a file, which would outlive it.

        Args:
            module: the module, or the path of the file.
            size: pictures are stretched to (size, size) pixels. mean, std: by channel, of values in [0, 1].

        Raises:
            BadParameter: a wrong type or value of any argument, a name that others have, or a network that does not
            map (n, 3, size, size) pictures to (n, C) vectors or (n, C, h, w) features.
            Unreadable, MissingPackage: of an ONNX file.
        """
        Recipe("any", name)  # its form is that of every encoder's name
        self._check_new(name, isinstance(module, str | PathLike))
        if isinstance(module, str | PathLike):
            prepared = checked_preparation(size, mean, std)
            info = add_network(self.home, name, _path(module, "an encoder"), size, *prepared).info
            remove_module(name)
        else:
            info = add_module(name, module, size, mean, std)
        self._encoders.clear()  # they may hold a module that had this name before
        self._opened.clear()
        return info

    def remove_encoder(self, name: str) -> None:
        """Remove a network that was added from an ONNX file or as a module; NotFound if there is none of that name."""
        if not isinstance(name, str) or not any([remove_network(self.home, name), remove_module(name)]):
            raise NotFound(f"There is no encoder {name!r} that was added from an ONNX file or as a module.")
        self._encoders.clear()
        self._opened.clear()

    def _check_new(self, name: str, is_file: bool) -> None:
        """BadParameter if an encoder of that name would not be replaced by a file, or else by a module."""
        files, modules = ({one.name for one in kind.choices(self.home)} for kind in (OnnxEncoder, OwnModuleEncoder))
        taken = {one.name for one in choices(self.home)} - modules - files
        if name in taken:
            raise BadParameter("name", "an encoder", "a new one", name)
        if name in files and not is_file:
            way_out = f"An ONNX file is kept under it; remove_encoder({name!r}) removes it."
            raise BadParameter("name", "an encoder", "a new one", name, way_out=way_out)


def _path(folder: object, thing: str, *, resolved: bool = True) -> Path:
    if not isinstance(folder, str | PathLike):
        raise BadParameter("folder", thing, "a path", type(folder).__name__)
    if not str(folder).strip() or "\0" in str(folder):  # nothing would be the folder that the program runs in
        raise BadParameter("folder", thing, "a path", str(folder))
    path = Path(folder).expanduser()
    return path.resolve() if resolved else path.absolute()  # a file of a data set may be one of links
