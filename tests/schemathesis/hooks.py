"""What schemathesis does not know by itself."""

import itertools
import re

import schemathesis
from schemathesis import GenerationMode

NAMES = itertools.count()


@schemathesis.serializer("text/csv")
def csv(context, value):
    return str(value).encode("utf-8", "surrogatepass")


def whole(value):
    """To JSON Schema 1.0 is an integer. To us it is no amount of money."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    case.body = whole(case.body)
    # Under one name two requests are one, and the second would do nothing.
    for name in [name for name in case.headers or {} if name.lower() == "idempotency-key"]:
        if re.fullmatch("[!-~]{1,200}", str(case.headers[name])):
            case.headers[name] = f"{case.headers[name]}-{next(NAMES)}"
