"""Bavaria's NUTS 3 regions, 2024: Commission Regulation (EU) 2023/674, in force since 2024-01-01.

Elsewhere a code is accepted by its form: the programme's organisations may sit anywhere.
"""

from typing import Final

BAVARIA: Final = "DE2"
_LAST_CHARACTERS: Final = {
    "DE21": "123456789ABCDEFGHIJKLMN",
    "DE22": "123456789ABC",
    "DE23": "123456789A",
    "DE24": "123456789ABCD",
    "DE25": "123456789ABC",
    "DE26": "123456789ABC",
    "DE27": "123456789ABCDE",
}
"""By NUTS 2 region: what follows its code."""
BAVARIAN: Final = frozenset(
    region + last for region, characters in _LAST_CHARACTERS.items() for last in characters
)


def is_nuts3(code: str) -> bool:
    """Whether a code of the right form is one: in Bavaria a region's, outside any."""
    return not code.startswith(BAVARIA) or code in BAVARIAN
