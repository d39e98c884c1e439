"""make_days.py   Prints days since 1970-01-01 and their names: leap days, ends of years and centuries, and random ones."""
import datetime
import random

EPOCH = datetime.date(1970, 1, 1)
days = {0, 1, -1, datetime.date.min.toordinal() - EPOCH.toordinal(), datetime.date.max.toordinal() - EPOCH.toordinal()}
for year in (*range(1968, 2042), 1600, 1700, 1800, 1900, 2100, 2200, 2400, 4000, 9996):
    for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
        days.add((datetime.date(year, month, day) - EPOCH).days)
        days.add((datetime.date(year, month, day) - EPOCH).days + 1)
chance = random.Random(1970)
days.update(chance.randrange(-100_000, 1_000_000) for _ in range(200))
last = datetime.date.max.toordinal() - EPOCH.toordinal()
for number in sorted(day for day in days if day <= last):
    print(number, (EPOCH + datetime.timedelta(number)).isoformat())
