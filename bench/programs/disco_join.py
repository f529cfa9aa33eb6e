"""Inner join with Disco, the extended tutorial's class: OUTPUT FILE..."""

import csv
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "util"))

from simple_innerjoin import CsvInnerJoiner

from disco.core import result_iterator

if __name__ == "__main__":
    output, *files = sys.argv[1:]
    job = CsvInnerJoiner().run(input=files)
    with open(output, "w", newline="") as file:
        writer = csv.writer(file)
        for key, values in result_iterator(job.wait()):
            writer.writerow([key, *values])
