"""
Every exception of trio_run, all under `TrioRunError`.

An error here names who it is about by path, says what happened with numbers, and ends with the way out. What a child
raised itself is never rewritten: it is the ``__cause__``, or a leaf of the group.

What a caller did wrong with an argument is not here: that is a plain `TypeError` or `ValueError`, raised before anything
starts.
"""

from ._base import InternalError as InternalError
from ._base import TrioRunError as TrioRunError
from ._directives import Directive as Directive
from ._directives import Done as Done
from ._directives import Escalate as Escalate
from ._directives import Ignore as Ignore
from ._directives import RestartAfter as RestartAfter
from ._supervision import ChildCancelled as ChildCancelled
from ._supervision import ChildDown as ChildDown
from ._supervision import ChildNotFound as ChildNotFound
from ._supervision import ChildReturned as ChildReturned
from ._supervision import DuplicateChild as DuplicateChild
from ._supervision import EndedBeforeReady as EndedBeforeReady
from ._supervision import GaveUp as GaveUp
from ._supervision import LeakedCancelled as LeakedCancelled
from ._supervision import StartFailed as StartFailed
from ._supervision import StartTimedOut as StartTimedOut
from ._supervision import StartWouldDeadlock as StartWouldDeadlock
from ._supervision import SupervisorNotRunning as SupervisorNotRunning
from ._supervision import SupervisorStopped as SupervisorStopped
from ._supervision import SupervisorStopping as SupervisorStopping
from ._supervision import TooManyChildren as TooManyChildren
from ._supervision import Unhealthy as Unhealthy
from ._supervision import WouldDeadlock as WouldDeadlock
from ._work import Closed as Closed
from ._work import JobCancelled as JobCancelled
from ._work import NotDone as NotDone
from ._work import OutsidePool as OutsidePool
from ._work import PoolWouldDeadlock as PoolWouldDeadlock
from ._work import SignalReceived as SignalReceived
