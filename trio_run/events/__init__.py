"""
What happened: one frozen class for each kind of event. Data only.

Every transition of the tree is an event, made where and when it happened. Logs, the tree, metrics and tests are all made of
these. The names are part of the interface: two words, a noun and what became of it, frozen by a test.

Laws: an event is never changed. `Event.cause` is the number of an earlier event of the same stream. An error stands in one
event only.
"""

from ._actor import ActorFailed as ActorFailed
from ._actor import ActorFinished as ActorFinished
from ._actor import ActorInterrupted as ActorInterrupted
from ._actor import ActorInterruptFailed as ActorInterruptFailed
from ._actor import ActorOverdue as ActorOverdue
from ._actor import ActorStarting as ActorStarting
from ._actor import ActorStopped as ActorStopped
from ._child import ChildFailed as ChildFailed
from ._child import ChildFinished as ChildFinished
from ._child import ChildIgnored as ChildIgnored
from ._child import ChildLost as ChildLost
from ._child import ChildOverdue as ChildOverdue
from ._child import ChildParked as ChildParked
from ._child import ChildReady as ChildReady
from ._child import ChildRemoved as ChildRemoved
from ._child import ChildRestartScheduled as ChildRestartScheduled
from ._child import ChildStarting as ChildStarting
from ._child import ChildStopped as ChildStopped
from ._child import ChildStopping as ChildStopping
from ._child import ChildStuck as ChildStuck
from ._event import Event as Event
from ._event import Level as Level
from ._stage import StageFailed as StageFailed
from ._stage import StageFinished as StageFinished
from ._stage import StageSkipped as StageSkipped
from ._supervisor import GroupRestarting as GroupRestarting
from ._supervisor import SupervisorGaveUp as SupervisorGaveUp
from ._supervisor import SupervisorReady as SupervisorReady
from ._supervisor import SupervisorStarting as SupervisorStarting
from ._supervisor import SupervisorStopped as SupervisorStopped
from ._supervisor import SupervisorStopping as SupervisorStopping
from ._watch import LeakSuspected as LeakSuspected
from ._watch import LoopBlocked as LoopBlocked
from ._watch import SinkDropped as SinkDropped
from ._watch import TaskStuck as TaskStuck
from ._work import JobFailed as JobFailed
from ._work import PoolRecovered as PoolRecovered
from ._work import PoolSaturated as PoolSaturated
from ._work import WorkerFailed as WorkerFailed
