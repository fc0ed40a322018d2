"""What an unquoted YAML word means to Kubernetes.

Kubernetes reads YAML with sigs.k8s.io/yaml: go-yaml v2's mix of YAML 1.1 and 1.2, then JSON. Rules:
- `yes`, `on`, `y` are booleans; `0777` and `0o777` are octal; `1e3` is 1000; `1:30` and dates are strings.
- A number passes through JSON: a float without a fraction that fits in 64 bits is an integer, an integer
  that doesn't fit is a float. Infinity and NaN have no JSON and are errors.
- The reader and the writer share this module, so that what one writes the other reads as the same value.
"""

from __future__ import annotations

import math
import re
import struct

_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_INFINITE = (".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF")

Scalar = str | int | float | bool | None

WORDS: dict[str, Scalar] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL, None),
    **dict.fromkeys(_INFINITE, math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}

NUMBER_STARTS = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED = re.compile(r"([-+]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_DOTTED = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z")
_MIN_INT, _MAX_INT, _MAX_UNSIGNED = -(2**63), 2**63 - 1, 2**64 - 1


def resolve(word: str) -> Scalar:
    """The value of a plain word as go-yaml has it, before JSON: `1e3` is still the float 1000.0."""
    if word in WORDS:
        return WORDS[word]
    if word[0] not in NUMBER_STARTS:
        return word
    return _number(word)


def _number(word: str) -> Scalar:
    # Behind a leading dot go-yaml is stricter: an underscore stands between digits only.
    plain = word.replace("_", "") if word[0] != "." or _DOTTED.match(word) else word
    integer = _integer(plain)
    if integer is not None and _MIN_INT <= integer <= _MAX_UNSIGNED:
        return integer
    if _FLOAT.match(plain):
        number = float(plain)
        return word if math.isinf(number) else number
    return word


def _integer(plain: str) -> int | None:
    if _DECIMAL.match(plain):
        # Python refuses to read thousands of digits; anything so long is a float at best.
        return int(plain) if len(plain) < 30 else None
    based = _BASED.match(plain)
    if not based or len(plain) > 100:
        return None
    sign, hexadecimal, binary, octal = based.groups()
    digits, base = next((text, base) for text, base in ((hexadecimal, 16), (binary, 2), (octal, 8)) if text)
    return int(sign + digits, base)


def to_json(value: Scalar) -> Scalar:
    """`value` after its passage through JSON.

    :raises ValueError: JSON has no such number (infinity, NaN).
    """
    if type(value) is float:
        return json_float(value)
    if type(value) is int and not _MIN_INT <= value <= _MAX_INT:
        return float(value)
    return value


def json_float(number: float) -> int | float:
    """1000.0 → 1000, 1e30 → 1e30; :raises ValueError: infinity and NaN."""
    if not math.isfinite(number):
        raise ValueError(f"unsupported value: {_not_finite(number)}")
    if number.is_integer() and _MIN_INT <= number < 2.0**63:
        return int(number)
    return number


def _not_finite(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "+Inf" if number > 0 else "-Inf"


def to_key(value: Scalar) -> str:
    """The string that a scalar becomes as the key of an object.

    :raises ValueError: it can't be a key (null, an integer beyond 64 bits).
    """
    if type(value) is str:
        return value
    if value is None:
        raise ValueError("null can't be a key")
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        if value > _MAX_INT:
            raise ValueError(f"{value} can't be a key")
        return str(value)
    return _float_key(float(value))


_TOO_LARGE_FOR_32_BITS = 2.0**128 - 2.0**103
"""From here on a float is rounded to infinity."""


def _float_key(number: float) -> str:
    """As Go's `FormatFloat(number, 'g', -1, 32)`: the shortest text that is the same 32-bit float."""
    if not math.isfinite(number):
        return {"NaN": ".nan", "+Inf": ".inf", "-Inf": "-.inf"}[_not_finite(number)]
    if abs(number) >= _TOO_LARGE_FOR_32_BITS:
        return ".inf" if number > 0 else "-.inf"
    single = struct.pack("f", number)
    number = struct.unpack("f", single)[0]
    shortest = next(
        text for digits in range(17) if struct.pack("f", float(text := f"{number:.{digits}e}")) == single
    )
    mantissa, _, exponent = shortest.partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        return f"{number:.{max(0, len(mantissa.replace('-', '').replace('.', '')) - 1 - power)}f}"
    return shortest
