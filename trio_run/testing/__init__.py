"""
What shows that a program holds: a clock that tells the truth, schedules, cancellations and faults at every point.

None of it is imported by trio_run itself, and nothing of it runs unless it is asked for.
"""

from .._sometimes import sometimes as sometimes
from ._clock import Deadlock as Deadlock
from ._clock import QuietClock as QuietClock
from ._everywhere import InjectedFault as InjectedFault
from ._everywhere import cancel_everywhere as cancel_everywhere
from ._everywhere import fault_everywhere as fault_everywhere
from ._everywhere_places import Place as Place
from ._everywhere_report import Everywhere as Everywhere
from ._everywhere_report import EverywhereError as EverywhereError
from ._everywhere_report import Finding as Finding
from ._everywhere_report import How as How
from ._everywhere_report import Point as Point
from ._everywhere_report import Verdict as Verdict
from ._explore import Exploration as Exploration
from ._explore import explore as explore
from ._explore import replay as replay
from ._explore_course import Livelock as Livelock
from ._log import EventLog as EventLog
from ._log import Note as Note
from ._schedules import Schedule as Schedule
from ._schedules import schedules as schedules
from ._script import Life as Life
from ._script import Script as Script
from ._script import fails as fails
from ._script import fails_to_start as fails_to_start
from ._script import hangs as hangs
from ._script import returns as returns
from ._watch import Accessed as Accessed
from ._watch import LostUpdate as LostUpdate
from ._watch import watch as watch
