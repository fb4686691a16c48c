"""What it costs to draw a picture: a few hundred bytes can ask for more than a browser gets done in a day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from tenantry.declaration.svg_style import EVERYTHING, LAYER
from tenantry.problems import invalid

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_DEPTH: Final = 64
"""Elements in each other, and references that lead on from what they refer to. Browsers and we follow both with recursion."""
MAX_DRAWN: Final = 50_000
"""Shapes drawn, each as often as the picture refers to it. A plain file of the largest size has about as many."""
_STEP: Final = 250  # of a filter: each goes over the whole area, as do
_CLIP: Final = 50  # a mask or a clip, which is two layers, and
_LAYER: Final = 25  # a layer. So counted, 50,000 take a browser without a graphics card 1 to 6 s at 600 x 600 pixels.

# Drawn again for each shape that has them, or that is inside what has them.
_INHERITED: Final = frozenset({"pattern", "marker"})
_PAINTS: Final = frozenset({"linearGradient", "radialGradient"})
_NUMBER: Final = re.compile(r"\d+(?:\.\d*)?|\.\d+")

Named = Mapping["Element", frozenset[str]]


class _Cost(NamedTuple):
    drawn: int
    height: int


class _Costs:
    def __init__(self, root: Element, named: Named, path: str) -> None:
        self._named, self._path = named, path
        self._by_id: dict[str, list[Element]] = {}
        for element in root.iter():
            if "id" in element.attrib:
                self._by_id.setdefault(element.attrib["id"], []).append(element)
        self._has_markers = any(element.tag == "marker" for element in root.iter())
        self._known: dict[Element, _Cost] = {}
        self._open: set[Element] = set()

    def of(self, element: Element) -> _Cost:
        """Shapes drawn when this element is, and how deep that goes."""
        if element in self._known:
            return self._known[element]
        if element in self._open:
            raise invalid(f"{self._path} refers to itself in <{element.tag}>", "remove the circle")
        if len(self._open) >= MAX_DEPTH:
            raise self._too_deep()
        self._open.add(element)
        cost = self._look(element)
        self._open.remove(element)
        self._known[element] = cost
        return cost

    def _look(self, element: Element) -> _Cost:
        below = [self.of(child) for child in element]
        ids = self._named.get(element, frozenset())
        added, factor, named = _LAYER if LAYER in ids else 0, 1, []
        for target in self._targets(ids):
            cost = self.of(target)
            named.append(cost)
            if target.tag in _INHERITED:
                factor += cost.drawn
            else:
                added += cost.drawn
        drawn = (self._own(element) + sum(cost.drawn for cost in below)) * factor + added
        height = 1 + max((cost.height for cost in (*below, *named)), default=0)
        if drawn > MAX_DRAWN:
            raise invalid(
                f"{self._path} draws more than {MAX_DRAWN:,} shapes: <use>, patterns, markers, masks and filters count as often as they "
                "are drawn",
                "make it simpler",
            )
        if height > MAX_DEPTH:
            raise self._too_deep()
        return _Cost(drawn, height)

    def _targets(self, ids: Iterable[str]) -> Iterable[Element]:
        for one in sorted(ids):
            for target in self._by_id.get(one, ()):
                if target.tag not in _PAINTS:
                    yield target

    def _own(self, element: Element) -> int:
        if element.tag.startswith("fe") and element.tag != "feMergeNode":
            return _STEP
        if element.tag in ("mask", "clipPath"):
            return _CLIP
        if self._has_markers and element.tag in ("path", "polyline", "polygon", "line"):
            shape = element.attrib.get("d", "") + element.attrib.get("points", "")
            return 2 + len(_NUMBER.findall(shape)) // 2  # a marker at each point
        return 1

    def _too_deep(self) -> Exception:
        return invalid(f"{self._path} has more than {MAX_DEPTH} elements in each other, or references that lead on", "make it simpler")


def check_cost(root: Element, named: Named, path: str) -> None:
    """Refuses a picture that draws more than ``MAX_DRAWN`` shapes, or refers to itself; ``named``: the ids that each element refers to."""
    _Costs(root, named, path).of(root)


def with_sheet(root: Element, named: Mapping[Element, frozenset[str]], sheet: Mapping[str, frozenset[str]], path: str) -> Named:
    """``named`` with what the style sheet's rules add to each element."""
    if not sheet:
        return named
    merged = dict(named)
    everywhere = sheet.get(EVERYTHING, frozenset())
    costly = {element.attrib["id"] for element in root.iter() if "id" in element.attrib and element.tag not in _PAINTS}
    if costly & everywhere:
        raise invalid(
            f"{path} refers to a pattern, marker, mask, clip or filter in a rule with more than one class, id or name",
            "write the reference at the element",
        )
    for element in root.iter():
        classes = [f".{name}" for name in element.attrib.get("class", "").split()]
        selectors = (element.tag, f"#{element.attrib.get('id', '')}", *classes)
        added = frozenset().union(everywhere, *(sheet.get(selector.lower(), frozenset()) for selector in selectors))
        merged[element] = merged.get(element, frozenset()) | added
    return merged
