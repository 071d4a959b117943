"""The cases of the benchmark `engine`, one file each."""

from apps.ops.bench.cases.base import Case
from apps.ops.bench.cases.http import Http
from apps.ops.bench.cases.idle import Idle
from apps.ops.bench.cases.long import Long
from apps.ops.bench.cases.short import Short
from apps.ops.bench.cases.watched import Watched
from apps.ops.bench.cases.writes import Writes

CASES: tuple[type[Case], ...] = (Short, Long, Idle, Http, Writes, Watched)
