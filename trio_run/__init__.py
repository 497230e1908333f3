"""
trio_run keeps long-lived trio services running, ends them in order, and leaves nothing behind.
"""

from ._group import Group as Group
from ._group import GroupStatistics as GroupStatistics
from ._group import open_group as open_group
from ._handle import Handle as Handle
from ._handle import State as State
from ._pool import Pool as Pool
from ._pool import PoolStatistics as PoolStatistics
from ._pool import open_pool as open_pool
from ._runner import Runner as Runner
from ._sinks import Sink as Sink
from ._sinks import use_sinks as use_sinks
from ._stopping import cancel_on_stop as cancel_on_stop
from ._stopping import stopping as stopping
from ._stopping import wait_stopping as wait_stopping
from .errors import ChildCancelled as ChildCancelled
from .errors import ChildNotFound as ChildNotFound
from .errors import ChildReturned as ChildReturned
from .errors import Closed as Closed
from .errors import DuplicateChild as DuplicateChild
from .errors import EndedBeforeReady as EndedBeforeReady
from .errors import GaveUp as GaveUp
from .errors import InternalError as InternalError
from .errors import JobCancelled as JobCancelled
from .errors import LeakedCancelled as LeakedCancelled
from .errors import NotDone as NotDone
from .errors import PoolWouldDeadlock as PoolWouldDeadlock
from .errors import StartFailed as StartFailed
from .errors import SupervisorNotRunning as SupervisorNotRunning
from .errors import SupervisorStopped as SupervisorStopped
from .errors import SupervisorStopping as SupervisorStopping
from .errors import TrioRunError as TrioRunError
from .errors import WouldDeadlock as WouldDeadlock
from .supervision._block import open_supervisor as open_supervisor
from .supervision._child import Child as Child
from .supervision._handle import Supervisor as Supervisor
from .supervision._policy import Backoff as Backoff
from .supervision._policy import Budget as Budget
from .supervision._policy import Restart as Restart
from .supervision._policy import Strategy as Strategy
from .supervision._status import ChildStatus as ChildStatus
