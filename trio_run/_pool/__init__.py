"""
Pools: jobs, at most so many at a time, on workers that are used again.
"""

from ._crew import Crew as Crew
from ._intake import Intake as Intake
from ._job import Job as Job
from ._jobs import Jobs as Jobs
from ._lane import Order as Order
from ._lane import Outcome as Outcome
from ._map import Map as Map
from ._open import checked_count as checked_count
from ._open import limiter_of as limiter_of
from ._open import make_intake as make_intake
from ._open import open_pool as open_pool
from ._per_worker import PerWorker as PerWorker
from ._pool import Pool as Pool
from ._pool import PoolStatistics as PoolStatistics
from ._pool import intake_of as intake_of
from ._waiters import check_outside as check_outside
from ._waiters import waiters as waiters
from ._waits import Readiness as Readiness
from ._worker import WORKERS as WORKERS
from ._worker import Worker as Worker
