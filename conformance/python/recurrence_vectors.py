"""Random recurrence rules with the starts python-dateutil gives them, one a line, for the expansion to be compared with.

    recurrence_vectors.py COUNT [SEED]

Columns, separated by tabs: DTSTART, RRULE, the end of the window (inclusive), the starts inside it (at most 25). The
same count and seed give the same lines. Windows are short where rules are dense, so that dateutil, which walks from
DTSTART on, answers rules that never match in milliseconds.
"""

import datetime as calendar
import random
import sys
import warnings
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing import Pool

from dateutil.rrule import rrulestr

MOST = 25
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
WINDOW_DAYS = {"HOURLY": 45, "DAILY": 900, "WEEKLY": 1500, "MONTHLY": 3700, "YEARLY": 11000}


def numbers(dice, most, low, high):
    values = []
    while len(values) < dice.randint(1, most):
        value = dice.randint(low, high)
        if value != 0 or low == 0:
            values.append(value)
    return ",".join(map(str, values))


def by_day(dice, numbered):
    mixed = dice.random() < 0.2

    def one():
        day = dice.choice(DAYS)
        if not numbered or mixed and dice.random() < 0.5:
            return day
        return f"{numbers(dice, 1, -numbered, numbered)}{day}"

    return ",".join(one() for _ in range(dice.randint(1, 4)))


def rule(dice):
    freq = dice.choice(list(WINDOW_DAYS))
    parts = [f"FREQ={freq}"]

    def often(percent):
        return dice.random() * 100 < percent

    if often(45):
        parts.append(f"INTERVAL={dice.randint(1, 4 if freq == 'YEARLY' else 12)}")
    if often(30):
        parts.append(f"COUNT={dice.randint(1, 40)}")
    months = often(35)
    if months:
        parts.append(f"BYMONTH={numbers(dice, 3, 1, 12)}")
    weeks = freq == "YEARLY" and often(25)
    if weeks:
        parts.append(f"BYWEEKNO={numbers(dice, 3, -53, 53)}")
    if freq == "YEARLY" and often(15):
        parts.append(f"BYYEARDAY={numbers(dice, 4, -366, 366)}")
    if freq != "WEEKLY" and often(30):
        parts.append(f"BYMONTHDAY={numbers(dice, 4, -31, 31)}")
    if often(50):
        numbered = 0
        if freq == "MONTHLY" and often(50):
            numbered = 5
        if freq == "YEARLY" and not weeks and often(50):
            numbered = 5 if months else 53
        parts.append(f"BYDAY={by_day(dice, numbered)}")
    if often(20):
        parts.append(f"BYHOUR={numbers(dice, 3, 0, 23)}")
    if often(15):
        parts.append(f"BYMINUTE={numbers(dice, 3, 0, 59)}")
    if often(8):
        parts.append(f"BYSECOND={numbers(dice, 2, 0, 59)}")
    if any(part.startswith("BY") for part in parts) and often(25):
        parts.append(f"BYSETPOS={numbers(dice, 3, -6, 6)}")
    if often(35):
        parts.append(f"WKST={dice.choice(DAYS)}")
    return freq, parts


def vector(seed):
    dice = random.Random(seed)
    freq, parts = rule(dice)
    year = dice.randint(1990, 2040)
    start = datetime(year, 1, 1) + timedelta(days=dice.randint(0, 364))
    if dice.random() < 0.3:
        # The days on which calendars differ.
        start = dice.choice(
            [datetime(year, 1, 31), datetime(year, 12, 31), datetime(year, 1, 1), datetime(year - year % 4, 2, 29)]
        )
    start = start.replace(hour=dice.randint(0, 23), minute=dice.choice([0, 15, 30, 59]), second=dice.choice([0, 0, 7]))
    end = start + timedelta(days=WINDOW_DAYS[freq])
    if not any(part.startswith("COUNT") for part in parts) and dice.random() < 0.3:
        until = start + timedelta(minutes=dice.randint(0, WINDOW_DAYS[freq] * 1440))
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%S}")
    text = ";".join(parts)
    with warnings.catch_warnings():
        # COUNT beside UNTIL is only how the window is told here.
        warnings.simplefilter("ignore")
        # dateutil looks at UNTIL only where it finds something; without an earlier end of the calendar it would go
        # through 8,000 years for a rule that never matches.
        calendar.MAXYEAR = end.year
        try:
            expansion = rrulestr(text, dtstart=start)
            starts = [at for at in islice(expansion, MOST) if at <= end]
        except ValueError as error:
            # Its word for hours that INTERVAL never meets.
            if "generates an empty set" not in str(error):
                raise
            starts = []
        finally:
            calendar.MAXYEAR = 9999
    stamps = ",".join(f"{at:%Y%m%dT%H%M%S}" for at in starts)
    return f"{start:%Y%m%dT%H%M%S}\t{text}\t{end:%Y%m%dT%H%M%S}\t{stamps}"


def main():
    count = int(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 20260302
    with Pool() as pool:
        for line in pool.imap(vector, (first * 1_000_000 + index for index in range(count)), chunksize=200):
            print(line)


if __name__ == "__main__":
    main()
