"""numpy with threads of its own, and pandas."""

import io

import numpy
import pandas

matrix = numpy.arange(250000, dtype=float).reshape(500, 500) / 250000
print(numpy.allclose(numpy.linalg.inv(matrix @ matrix.T + numpy.eye(500)) @ (matrix @ matrix.T + numpy.eye(500)), numpy.eye(500)))
frame = pandas.read_csv(io.StringIO("day,number\n2024-03-31,1\n2024-04-01,2\n"), parse_dates=["day"])
print(frame.set_index("day").tz_localize("Europe/Berlin").number.sum())
