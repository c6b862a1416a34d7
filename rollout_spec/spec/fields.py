"""Field types of names, versions, links and other text."""

from __future__ import annotations

from typing import Annotated

from rollout_spec.core import units
from rollout_spec.spec.validators import string_field

LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1
"""The range of 64 bits: policies and Kubernetes accept no more."""

_name = string_field(
    units.NAME,
    "a name has lower-case letters, digits and `-`, begins and ends with a letter or digit, "
    "and has at most 63 characters",
    "a name",
    examples=["fraud"],
)
_version = string_field(
    units.VERSION, "a version has letters, digits, `.`, `_`, `+` and `-`", "a version", examples=["42", "1.10"]
)
_digest = string_field(
    units.DIGEST,
    "a digest is `sha256:` and 64 lower-case hex digits",
    "a digest",
    examples=["sha256:" + "1" * 64],
    suggest=units.digest_hint,
)
_CLAUSE = r"(===?|~=|!=|<=?|>=?) *[A-Za-z0-9._+!*-]{1,128}"
_PIN = rf"^([A-Za-z0-9._+-]{{1,128}}|{_CLAUSE}( *, *{_CLAUSE}){{0,15}})$"
_HOST = (
    r"^(?=[a-z0-9.*-]{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,126}$"
)

Name = Annotated[str, *_name]
Version = Annotated[str, *_version]
Digest = Annotated[str, *_digest]
Pin = Annotated[
    str,
    *string_field(
        _PIN, 'a pin is an exact version (`"12"`) or a range (`">=1.4,<2"`)', "a pin", examples=["12", ">=1.4,<2"]
    ),
]
Host = Annotated[
    str,
    *string_field(
        _HOST,
        "a host is a DNS name in lower case, of at most 253 characters: `fraud.ml.svc.cluster.local`",
        "a host name",
        examples=["fraud.ml.svc.cluster.local"],
    ),
]
HeaderName = Annotated[
    str,
    *string_field(
        r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$",
        "a header name has letters, digits and `-`: `x-model-arm`",
        "a header name",
        examples=["x-model-arm"],
    ),
]
HeaderValue = Annotated[
    str,
    *string_field(
        r"^(?=[^\n]{1,4096}$)[^\n]*\S[^\n]*$",
        "a header's value is one line of at most 4,096 characters",
        "a header's value",
        examples=["challenger"],
    ),
]
Text = Annotated[
    str,
    *string_field(
        r"^[^\n]*\S[^\n]*$",
        "expected one line of text",
        "text",
        examples=["…"],
        description="One line of text.",
    ),
]
Url = Annotated[
    str,
    *string_field(
        r"""^https?://[^\s<>"'`{}|\\^]+$""",
        "a link begins with `https://` or `http://` and has no spaces",
        "a link",
        examples=["https://runbooks.example.com/fraud"],
    ),
]
MetricName = Annotated[
    str,
    *string_field(
        r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$",
        "a metric's name has letters, digits and `_`",
        "a metric's name",
        examples=["error_rate", "auc"],
    ),
]
Quantity = Annotated[
    str,
    *string_field(
        r"^[0-9]{1,18}(\.[0-9]{1,9})?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$",
        'expected a Kubernetes quantity, in quotes: `"2"`, `500m`, `4Gi`',
        "a quantity",
        examples=["2", "500m", "4Gi"],
    ),
]
EnvName = Annotated[
    str,
    *string_field(
        r"^[A-Za-z_][A-Za-z0-9_]{0,254}$",
        "an environment variable has letters, digits and `_`",
        "a variable's name",
        examples=["OMP_NUM_THREADS"],
    ),
]
Commit = Annotated[
    str,
    *string_field(
        r"^[0-9a-f]{7,64}$",
        "a commit is 7 to 64 hex digits, in quotes",
        "a commit",
        examples=["6f1c0e5ad3c84d0f8d9bb1f6a5e2c741d3c84d0f"],
    ),
]
Ref = Annotated[
    str,
    *string_field(
        r"^(?!.*(\.\.|//|\.lock$|/$|@\{))[A-Za-z0-9_][A-Za-z0-9._/@-]{0,199}$",
        "the name of a branch or remote has letters, digits, `.`, `_`, `/`, `@` and `-`, and no `..`",
        "a git name",
        examples=["origin", "main"],
    ),
]
