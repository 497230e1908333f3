"""
Pipelines: stages joined by bounded channels.

``_parts`` has what a pipeline is made of, ``_flow`` how one part of it runs, ``_pipeline`` what users hold.
"""
