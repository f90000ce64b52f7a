"""A whole process that fetches days through Futu's SDK: `python -m benchmarks.fetch_by_sdk HOST PORT DAYS`."""

import sys

from futu import RET_OK, OpenQuoteContext

from benchmarks.peak_memory import print_with_peak_memory


def _fetch(host: str, port: int, days: int) -> int:
    context = OpenQuoteContext(host, port)
    fetched = 0
    key = None
    while fetched < days:
        code, _, table = context.get_daily_short_volume("HK.00700", next_key=key, num=50)
        assert code == RET_OK
        fetched += len(table)
        key = table.attrs["next_key"]
    context.close()
    return fetched


if __name__ == "__main__":
    print_with_peak_memory(_fetch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
