"""Compares what a foreign suite found with the profile stored for it. A profile may only improve.

    judge.py PROFILE RESULT    both JSON: {name: {"support": ..., "why": ...}}

Whole features and passed tests pass. What is not whole is skipped if the profile says the same and why; it fails if the
profile promises more, if it is new and bad, or if nobody wrote down why. What became better passes, with a word to store it.
With UPDATE_PROFILE=1 the profile is rewritten from the result; reasons that people wrote into it stay.
"""

import json
import os
import sys

# From the best to the worst: words of caldav-server-tester, and of tests.
RANKS = {
    "full": 6,
    "passed": 6,
    "fragile": 5,
    "quirk": 4,
    "unsupported": 3,
    "skipped": 3,
    "unknown": 3,
    "ungraceful": 1,
    "failed": 0,
    "broken": 0,
}
WHOLE = 6


def rank(entry):
    return RANKS[entry["support"]] if entry else -1


def judge(name, stored, found):
    """One of passed, failed, skipped, with a sentence."""
    if found is None:
        return "failed", f"was {stored['support']} and was not looked at"
    now = found["support"]
    why = stored.get("why", "") if stored else ""
    if stored and rank(found) < rank(stored):
        return "failed", f"was {stored['support']}, is {now}: {found.get('why', '')}"
    if rank(found) == WHOLE:
        return "passed", "" if rank(stored) == WHOLE else "better than its profile: run with UPDATE_PROFILE=1"
    if not stored:
        return "failed", f"{now}, and the profile does not know it: {found.get('why', '')}"
    if not why:
        return "failed", f"{now}, and nobody wrote down why beside it in the profile"
    return "skipped", f"{now}: {why}"


def update(path, stored, result):
    profile = {}
    for name, found in result.items():
        profile[name] = {"support": found["support"]}
        if rank(found) != WHOLE:
            # A test that was left out says why itself; what failed is not excused by its own words.
            words = "" if rank(found) <= RANKS["ungraceful"] else found.get("why", "")
            kept = stored.get(name, {}).get("why", "")
            profile[name]["why"] = words if found["support"] == "skipped" else kept or words
    with open(path, "w", encoding="utf-8") as file:
        json.dump(profile, file, indent=1, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(path, found):
    result = load(found)
    stored = load(path) if os.path.exists(path) else {}
    if os.environ.get("UPDATE_PROFILE") == "1":
        update(path, stored, result)
        stored = load(path)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name in sorted(stored.keys() | result.keys()):
        verdict, sentence = judge(name, stored.get(name), result.get(name))
        counts[verdict] += 1
        word = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[verdict]
        print(f"{word} {name}" + (f": {sentence}" if sentence else ""))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
