"""Lines of specs.txt as values."""

import dataclasses
import json
import re


@dataclasses.dataclass(frozen=True)
class Input:
    """A tensor to feed: random values of a shape, or values."""

    type: str
    domain: str = ""
    shape: tuple | None = None
    values: object = None
    place: str = "placeholder"


@dataclasses.dataclass(frozen=True)
class Spec:
    op: str
    # One list of tensors for each argument of the op.
    inputs: tuple
    attributes: dict


_NAME = re.compile(r"(Ref |Var )?(\w*?)(\+|01|int)?(:|=)(.*)$", re.S)
_PLACES = {None: "placeholder", "Ref ": "variable", "Var ": "resource"}


def _shape(text):
    return () if text == "." else tuple(int(size) for size in text.split("x"))


def _input(text):
    match = _NAME.match(text)
    if not match:
        raise ValueError(f"no input: {text!r}")
    place, type_name, domain, sign, rest = match.groups()
    if sign == "=" and domain:
        # `int32=` is a dtype, not a domain.
        type_name, domain = type_name + domain, ""
    place = _PLACES[place]
    if sign == ":":
        return Input(type_name, domain or "", _shape(rest), place=place)
    if rest.startswith("[]") and len(rest) > 2:
        return Input(type_name, shape=_shape(rest[2:]), values=[], place=place)
    return Input(type_name, values=json.loads(rest.replace("nan", "NaN")), place=place)


def _attributes(text):
    found, decoder, position = {}, json.JSONDecoder(), 0
    while position < len(text):
        name, rest = text[position:].split("=", 1)
        start = position + len(name) + 1
        if word := re.match(r"shapes?\?|[a-z]+\d*\b(?!\[)", rest):
            value, end = word.group(), start + word.end()
            value = {"true": True, "false": False}.get(value, value)
        elif prefix := re.match(r"shapes?", rest):
            sizes, length = decoder.raw_decode(rest[prefix.end():])
            value, end = (prefix.group(), sizes), start + prefix.end() + length
        else:
            value, length = decoder.raw_decode(rest)
            end = start + length
        found[name.strip()] = value
        position = end
        while position < len(text) and text[position] == " ":
            position += 1
    return found


def parse(line):
    head, _, tail = line.partition(" @ ")
    op, *inputs = head.split(" | ")
    return Spec(op.strip(), tuple(tuple(_input(one.strip()) for one in text.split(" & ")) if text != "none" else () for text in inputs),
                _attributes(tail.strip()) if tail else {})
