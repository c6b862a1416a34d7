"""Words that the project's prose avoids, and the exceptions."""

from __future__ import annotations

BANNED = {
    r"who answers|who takes? requests": "the traffic split, or a version that receives traffic",
    r"ways? back": "rollback target, or rollback",
    r"no one step": "not a single step",
    r"pass(?:es|ed|ing)? (?:\w+ )?over": "skip",
    r"but for": "except, unless",
    r"stands? in": "is in, blocks, or replaces",
    r"speaks? (?:for|against)": "supports, or blocks",
    r"that there (?:is|was|are|were)(?=[.,;:)]|$)": "the noun alone: a past rollback",
    r"(?:rollbacks?|versions?) there (?:is|was|are|were)(?! (?:no|a|an))": "the noun alone: the past rollbacks",
    r"nobody (?:was|knows)": "the fact: it is not known",
    r"(?:what|is|are|was|were|be|been) told(?! (?:apart|to|not))": "reported, or printed",
    r"(?:is|are|was|were|be|not) up(?! to|-to)": "served; of time: over",
    r"kept up(?! to)": "satisfied",
    r"pins? (?:is|are) (?:met|lost)": "satisfied, or unsatisfied",
    r"h[eo]ld(?:s|ing)? (?:\w+ )?against": "quarantined, or compared with",
    r"what (?:failed|tells)": "the failed version, or the monitor",
    r"(?:dis)?arm(?:ed|ing)": "auto-merge is enabled",
    r"merg(?:e|es|ed) (?:itself|themselves)": "is merged automatically",
    r"what is live": "the base",
    r"stale manifests?|manifests? (?:is|are) stale|(?:is|are|was|were) stale": "drift; in messages: out of date",
    r"proofs?|prov(?:e|es|en|ed|ing)": "check, verified, or shows",
    r"where (?:it|they|(?:a|the) rollbacks?) goes?": "rollback target",
    r"besides": "also, additionally",
    r", for one": "for example",
    r"anew": "again",
    r"(?:there already|already there)": "already exists",
    r"g[eo]ts? round": "work around",
}
"""Words that a reader has to decode, each with what to write instead."""

ALLOWED = {
    ("CONTRIBUTING.md", "what failed"): "an example of what not to write",
    ("README.md", "way back"): "the README may have a voice",
}
"""Exceptions by file and word, each with its reason."""
