"""
Pools: jobs, at most so many at a time, on workers that are used again.
"""

from ._map import Map as Map
from ._map import Order as Order
from ._map import Outcome as Outcome
from ._open import open_pool as open_pool
from ._per_worker import PerWorker as PerWorker
from ._pool import Pool as Pool
from ._pool import PoolStatistics as PoolStatistics
from ._worker import Worker as Worker
