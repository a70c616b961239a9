"""The text of a logit in its label, in the dialect of every producer.

Output "text" (p=0.439)     circuit-tracer
output: "text" (p=0.984)    Anthropic, EleutherAI
output: 'text' (p=0.310)
Logit " text" (p=0.810)     OpenMOSS, from Neuronpedia
"""

from __future__ import annotations

import re

_START = re.compile(r"""\b(?:output|logit):?\s{1,9}(["'])""", re.IGNORECASE)


def logit_text(label: str) -> str | None:
    """The output token of a logit's label, blanks included; None if the label has none of the known forms.

    A label may say more before it: `[Output "big" or "large"] Output "large" (p=0.420)` is of the token `large`. If a
    label begins with such a form, the form is the whole label, even if the token contains another one.
    """
    starts = list(_START.finditer(label))
    chosen = starts[-1:] + starts[:-1][:1]  # the last one, or the first
    for start in reversed(chosen) if starts and starts[0].start() == 0 else chosen:
        rest, quote = label[start.end() :], start[1]
        if start is not starts[-1] and rest.count(f"{quote} (p=") > 1:  # several labels
            continue
        end = rest.rfind(f"{quote} (p=")
        if end < 0 and rest.rstrip().endswith(quote):
            end = len(rest.rstrip()) - 1
        if end >= 0:
            return rest[:end]
    return None
