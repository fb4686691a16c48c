"""LeanProperties: an official resource class without the outputs that nobody reads."""

from __future__ import annotations

from typing import Any

import pulumi


class LeanProperties(pulumi.CustomResource):
    """Stands between an official class and ``CustomResource``, and drops the properties that were not set.

    The SDK makes several objects for every property that a class knows, and waits for all of them over and over until the program
    has ended: 36 for a bucket object that sets seven. The engine gets the same resource; its other outputs are just not kept here.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        _type, _name, props, *_ = args  # as every official class calls its base
        known = vars(props)
        for key in [key for key, value in known.items() if value is None]:
            del known[key]
        super().__init__(*args, **options)
