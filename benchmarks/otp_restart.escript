#!/usr/bin/env escript
%% -*- erlang -*-
%%! +sbwt none -noinput
%%
%% How long OTP's own supervisor takes to bring back a child that crashed, with so many restarts in the window.
%%
%%   escript otp_restart.escript EVENTS WINDOW...
%%
%% Prints a line for each window: how many restarts it held, and the microseconds of one more.
-module(otp_restart).
-behaviour(supervisor).
-export([main/1, init/1, start_child/1]).
-mode(compile).

main([Events | Windows]) ->
    ok = logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    lists:foreach(fun(Window) -> measure(list_to_integer(Events), list_to_integer(Window)) end, Windows).

measure(Events, Window) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, self()),
    Steady = crash(ready(), Window),
    Begin = erlang:monotonic_time(nanosecond),
    crash(Steady, Events),
    Took = erlang:monotonic_time(nanosecond) - Begin,
    io:format("~b ~.3f~n", [Window, Took / 1000 / Events]),
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok end.

crash(Child, 0) -> Child;
crash(Child, Times) ->
    Child ! crash,
    crash(ready(), Times - 1).

ready() -> receive {ready, Child} -> Child end.

init(Owner) ->
    Flags = #{strategy => one_for_one, intensity => 1000000, period => 1000000},
    {ok, {Flags, [#{id => child, start => {?MODULE, start_child, [Owner]}}]}}.

start_child(Owner) ->
    {ok, spawn_link(fun() -> Owner ! {ready, self()}, receive crash -> exit(crashed) end end)}.
