"""The elements and attributes that a picture may have. Others: an element is refused, an attribute is not published."""

from __future__ import annotations

from typing import Final

WORDS: Final = frozenset({"title", "desc", "style"})
"""Elements with text and no elements. In HTML the first two would begin HTML again, and a browser reads only the text of the third."""

TEXT: Final = frozenset({"text", "tspan", "textPath"})
"""Elements whose text is drawn."""

_SHAPES: Final = """
    svg g defs symbol use switch view metadata path rect circle ellipse line polyline polygon linearGradient radialGradient stop clipPath
    mask pattern marker filter feGaussianBlur feOffset feBlend feColorMatrix feComposite feFlood feMerge feMergeNode
    feDropShadow feMorphology
"""
_PRESENTATION: Final = """
    alignment-baseline baseline-shift clip-path clip-rule color color-interpolation color-interpolation-filters direction display
    dominant-baseline fill fill-opacity fill-rule filter flood-color flood-opacity font font-family font-size font-size-adjust font-stretch
    font-style font-variant font-weight image-rendering isolation letter-spacing marker marker-end marker-mid marker-start mask mask-type
    mix-blend-mode opacity overflow paint-order shape-rendering stop-color stop-opacity stroke stroke-dasharray
    stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-decoration
    text-rendering transform transform-origin unicode-bidi vector-effect visibility word-spacing writing-mode
"""
_PLAIN: Final = """
    aria-describedby aria-hidden aria-label aria-labelledby class clipPathUnits cx cy d dx dy edgeMode filterUnits fr fx fy
    gradientTransform gradientUnits height id in in2 k1 k2 k3 k4 lang lengthAdjust markerHeight markerUnits markerWidth maskContentUnits
    maskUnits method mode offset operator orient pathLength patternContentUnits patternTransform patternUnits points preserveAspectRatio
    primitiveUnits r radius refX refY requiredExtensions requiredFeatures result role rotate rx ry side spacing spreadMethod startOffset
    stdDeviation systemLanguage textLength type values viewBox width x x1 x2 y y1 y2
"""

ELEMENTS: Final = WORDS | TEXT | frozenset(_SHAPES.split())
PRESENTATION: Final = frozenset(_PRESENTATION.split())
"""Attributes whose value is CSS."""
STYLE: Final = PRESENTATION | {"cx", "cy", "d", "height", "r", "rx", "ry", "white-space", "width", "x", "y"}
"""Properties that CSS may set. Others are not published."""
PLAIN: Final = frozenset(_PLAIN.split())
"""Attributes whose value names nothing and does nothing. An attribute that refers is in none of these."""
