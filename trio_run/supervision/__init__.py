"""
Supervision: who is started again, when, with whom, and when to give up.

``_policy`` has the rules, ``_core`` and ``_order`` the decisions, ``_shell`` the control loop and ``_hands`` its moves,
``_handle`` what users hold.
"""
