"""
Where every task stands: a dump of the tree, a watch for what does not move on, and a count that shows a slow leak.

All of it is meant for production too, and costs nothing until it is asked for.
"""

from ._counter import Owner as Owner
from ._counter import TaskCounter as TaskCounter
from ._dump import StackGroup as StackGroup
from ._dump import TaskDump as TaskDump
from ._dump import TaskInfo as TaskInfo
from ._dump import TaskState as TaskState
from ._dump import task_dump as task_dump
from ._signal import dump_on_signal as dump_on_signal
from ._waits import Frame as Frame
from ._waits import Wait as Wait
from ._watch import StuckWatch as StuckWatch
from ._watch import WatchThread as WatchThread
