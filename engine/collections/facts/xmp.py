"""XMP: tags (dc:subject) and stars (xmp:Rating), as digiKam, darktable and Lightroom read and write them.

It stands in sidecar files, which are read and written, and inside pictures, which are never changed. XMP is RDF in XML
(ISO 16684-1). Other contents of a file are preserved exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from engine.collections.facts.marks import LONGEST_TAG, MOST_STARS
from engine.collections.reading.safely import of_any_format
from engine.core.errors import Unreadable

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
XMP = "http://ns.adobe.com/xap/1.0/"
MAX_BYTES = 4_000_000
_DEEPEST = 100  # elements within each other; the library fails at about a thousand
_XMLNS = "http://www.w3.org/2000/xmlns/"
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f' <rdf:RDF xmlns:rdf="{RDF}">\n'
    '  <rdf:Description rdf:about=""/>\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>'
)


@dataclass(frozen=True)
class Sidecar:
    """The tags, sorted, and the stars of a sidecar file; 0 stars for none and for rejected pictures."""

    tags: tuple[str, ...] = ()
    stars: int = 0


def read_sidecar(data: bytes) -> Sidecar:
    """The tags and stars in the bytes of a sidecar file; Unreadable if it is not XMP."""
    document = _parsed(data)
    subject, rating = _subject(document), _rating(document)
    tags = {" ".join(_text(item).split()) for item in _items(subject)} if subject else set()
    return Sidecar(tuple(sorted(tag for tag in tags if 0 < len(tag) <= LONGEST_TAG and tag.isprintable())), rating)


def embedded(data: bytes) -> Sidecar:
    """The tags and stars in the XMP inside a picture's file; none where there is no XMP, or where it is damaged."""
    if RDF.encode() not in data:
        return Sidecar()
    try:
        packet = of_any_format(data).info.get("xmp", b"")
        return read_sidecar((packet.encode() if isinstance(packet, str) else bytes(packet)).strip(b"\0 \r\n"))
    except Exception:  # whatever a decoder raises for a damaged block
        return Sidecar()


def with_sidecar(data: bytes | None, wanted: Sidecar) -> bytes:
    """A sidecar file (None: a new one) with these tags and stars, otherwise unchanged; Unreadable if it is not XMP."""
    document = _parsed(_EMPTY.encode() if data is None else data)
    _set_tags(document, wanted.tags)
    _set_stars(document, wanted.stars)
    text = "\n".join(node.toxml() for node in document.childNodes)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _parsed(data: bytes) -> minidom.Document:
    if len(data) > MAX_BYTES:
        raise Unreadable(f"The sidecar file is larger than {MAX_BYTES // 10**6} MB.")
    plain = data.replace(b"\0", b"")  # as of UTF-16
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:  # definitions may grow without bound when they are read
        raise Unreadable("The sidecar file has definitions of its own, which are not read.")
    try:
        document = minidom.parseString(data)
    except (ExpatError, ValueError, LookupError) as error:
        raise Unreadable("The sidecar file is no XML.") from error
    if _is_deep(document) or not document.getElementsByTagNameNS(RDF, "RDF"):
        raise Unreadable("The sidecar file is no XMP.")
    return document


def _is_deep(document: minidom.Document) -> bool:
    level: list[minidom.Node] = [document]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.childNodes]
    return bool(level)


def _subject(document: minidom.Document) -> minidom.Element | None:
    return next(iter(document.getElementsByTagNameNS(DC, "subject")), None)


def _items(subject: minidom.Element) -> list[minidom.Element]:
    return list(subject.getElementsByTagNameNS(RDF, "li"))


def _text(element: minidom.Element) -> str:
    return "".join(node.data for node in element.childNodes if isinstance(node, minidom.Text))


def _rating(document: minidom.Document) -> int:
    described = document.getElementsByTagNameNS(RDF, "Description")
    values = [_text(element) for element in document.getElementsByTagNameNS(XMP, "Rating")]
    values += [one.getAttributeNS(XMP, "Rating") for one in described if one.hasAttributeNS(XMP, "Rating")]
    try:
        return min(max(int(float(values[0])), 0), MOST_STARS) if values else 0
    except (ValueError, OverflowError):
        return 0


def _set_tags(document: minidom.Document, tags: tuple[str, ...]) -> None:
    """Remove the items that are no longer wanted, and append those that are new."""
    subject = _subject(document)
    if subject is None:
        if not tags:
            return
        subject = _added(document, _description(document), DC, "dc:subject")
    bag = next((node for node in subject.childNodes if isinstance(node, minidom.Element)), None)
    bag = bag or _added(document, subject, RDF, "rdf:Bag")
    left = set(tags)
    for item in _items(subject):
        if (tag := " ".join(_text(item).split())) in left:
            left.discard(tag)
        elif item.parentNode is not None:
            item.parentNode.removeChild(item)
    for tag in sorted(left):
        _added(document, bag, RDF, "rdf:li").appendChild(document.createTextNode(tag))


def _set_stars(document: minidom.Document, stars: int) -> None:
    if _rating(document) == stars:
        return
    elements = document.getElementsByTagNameNS(XMP, "Rating")
    for element in elements:
        for node in list(element.childNodes):
            element.removeChild(node)
        element.appendChild(document.createTextNode(str(stars)))
    described = document.getElementsByTagNameNS(RDF, "Description")
    attributes = [held for one in described if (held := one.getAttributeNodeNS(XMP, "Rating")) is not None]
    for attribute in attributes:
        attribute.value = str(stars)
    if not elements and not attributes:
        _description(document).setAttributeNS(XMP, f"{_prefix(document, XMP, 'xmp')}:Rating", str(stars))


def _description(document: minidom.Document) -> minidom.Element:
    """The first description, created if missing."""
    found = document.getElementsByTagNameNS(RDF, "Description")
    return found[0] if found else _added(document, _rdf(document), RDF, "rdf:Description")


def _rdf(document: minidom.Document) -> minidom.Element:
    return document.getElementsByTagNameNS(RDF, "RDF")[0]


def _added(document: minidom.Document, parent: minidom.Element, namespace: str, name: str) -> minidom.Element:
    prefix, _, local = name.partition(":")
    element = document.createElementNS(namespace, f"{_prefix(document, namespace, prefix)}:{local}")
    parent.appendChild(element)
    return element


def _prefix(document: minidom.Document, namespace: str, usual: str) -> str:
    """A prefix for the namespace that is declared at rdf:RDF."""
    rdf = _rdf(document)
    declared = {attribute.name: attribute.value for attribute in rdf.attributes.values()}
    known = next((name for name, value in declared.items() if value == namespace and name.startswith("xmlns:")), None)
    if known:
        return known.removeprefix("xmlns:")
    prefix = next(name for name in (usual, f"{usual}1", f"{usual}2") if f"xmlns:{name}" not in declared)
    rdf.setAttributeNS(_XMLNS, f"xmlns:{prefix}", namespace)
    return prefix
