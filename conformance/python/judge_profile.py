"""Counts the features of a profile that caldav-server-tester wrote."""

import json
import sys

BAD = ("broken", "ungraceful", "fragile", "quirk")


def main(path):
    with open(path, encoding="utf-8") as file:
        features = json.load(file)["features"]
    passed = failed = skipped = 0
    for name, found in sorted(features.items()):
        support = found.get("support") if isinstance(found, dict) else found
        if support == "full":
            passed += 1
            print(f"ok {name}")
        elif support in BAD:
            failed += 1
            print(f"FAILED {name}: {support} {found.get('behaviour', '')}")
        else:
            skipped += 1
            print(f"skipped {name}: {support}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
