"""
Nothing leaks: checks for a whole run and for a block, and a search for tasks that nothing can wake.
"""

from ._block import assert_no_leaks as assert_no_leaks
from ._check import LeakCheck as LeakCheck
from ._check import leak_check as leak_check
from ._heap import frozen_heap as frozen_heap
from ._report import CannotTell as CannotTell
from ._report import LeakError as LeakError
from ._report import NotWatching as NotWatching
from ._suspects import LeakedTask as LeakedTask
from ._suspects import LockCycle as LockCycle
from ._suspects import LockWait as LockWait
from ._suspects import Suspects as Suspects
from ._suspects import leaked_tasks as leaked_tasks
from ._things import Ignore as Ignore
from ._things import Kind as Kind
from ._things import Leak as Leak
from ._things import Rule as Rule
from ._things import Snapshot as Snapshot
from ._things import Thing as Thing
from ._things import leaked as leaked
