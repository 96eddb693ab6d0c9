"""(placeholder until the page is merged)"""

from collections.abc import Mapping
from typing import Any


def render(document: Mapping[str, Any]) -> str:
    return str(document["month"])
