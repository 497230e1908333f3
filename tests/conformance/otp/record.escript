#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 2:2 +sbwt none -noinput
%%
%% Records what OTP's own supervisor does in scenarios.
%%
%%   escript record.escript run FILE      a term {scn,Id,Flags,Specs,Ops}. for each scenario
%%   escript record.escript stock FILE    the same on the supervisor as it is installed: no advance, no events of its exit
%%
%% Writes one JSON object a line: {"id":..,"ev":[..]}. What scenarios are made of is checked in recording.py.
%%
%% The code that runs is stdlib's own, taken from the debug information of supervisor.beam and loaded under another name with
%% three changes, none of them in a decision: the clock is that of the scenario, a kill is noted before it is sent, and the
%% exit of a supervisor is noted when its children are down.
-module(otp_trace).
-export([main/1, init/1, cstart/2, dstart/3, vnow/0, vkill/1, sup_down/1, log/2, holder/0]).
-mode(compile).

main(["run", F]) -> setup(vsupervisor), each(F);
main(["stock", F]) -> setup(supervisor), each(F);
main(_) -> io:format("usage: run FILE | stock FILE~n"), halt(2).

each(F) ->
    {ok, D} = file:open(F, [read, {encoding, utf8}]),
    each_term(D).
each_term(D) ->
    case io:read(D, '') of
        eof -> ok;
        {ok, {scn, _, _, _, _} = S} -> run(S), each_term(D)
    end.

setup(Mod) ->
    persistent_term:put(supmod, Mod),
    ets:new(ev, [named_table, public, ordered_set]),
    ets:new(st, [named_table, public, set]),
    logger:remove_handler(default), logger:set_primary_config(level, info),
    ok = logger:add_handler(cap, ?MODULE, #{level => info}),
    register(holder, spawn(?MODULE, holder, [])),
    Mod =:= supervisor orelse patch(),
    ok.

patch() ->
    {ok, {_, [{abstract_code, {raw_abstract_v1, F}}]}} =
        beam_lib:chunks(code:which(supervisor), [abstract_code]),
    F1 = lists:flatmap(fun ({attribute, L, module, supervisor}) -> [{attribute, L, module, vsupervisor}];
                           ({attribute, _, file, _}) -> [];
                           ({function, L, terminate, 2, Cs}) ->
                               V = fun(N) -> {var, L, N} end,
                               [{function, L, terminate, 2,
                                 [{clause, L, [V('R'), V('S')], [],
                                   [{match, L, V('X'), {call, L, {atom, L, terminate_o}, [V('R'), V('S')]}},
                                    {call, L, {remote, L, {atom, L, otp_trace}, {atom, L, sup_down}}, [V('R')]},
                                    V('X')]}]},
                                {function, L, terminate_o, 2, tr(Cs)}];
                           (X) -> [tr(X)]
                       end, F),
    {ok, vsupervisor, B} = compile:forms(F1, []),
    {module, vsupervisor} = code:load_binary(vsupervisor, "vsupervisor", B).

tr({call, L, {remote, _, {atom, _, erlang}, {atom, _, monotonic_time}}, [{integer, _, 1}]}) ->
    {call, L, {remote, L, {atom, L, otp_trace}, {atom, L, vnow}}, []};
tr({call, L, {remote, _, {atom, _, gen_server}, {atom, _, start_link}} = R, As}) ->
    {call, L, R, [case A of {atom, L1, supervisor} -> {atom, L1, vsupervisor}; _ -> tr(A) end || A <- As]};
tr({call, L, {atom, _, exit}, [P, {atom, _, kill}]}) ->
    {call, L, {remote, L, {atom, L, otp_trace}, {atom, L, vkill}}, [tr(P)]};
tr(T) when is_tuple(T) -> list_to_tuple([tr(X) || X <- tuple_to_list(T)]);
tr([H | T]) -> [tr(H) | tr(T)];
tr(X) -> X.

%% ---------------------------------------------------------------- hooks
ev(E) -> ets:insert(ev, {erlang:unique_integer([monotonic]), E}), ok.
vnow() -> ets:lookup_element(st, now, 2).
vkill(Pid) ->
    case is_process_alive(Pid) of true -> {P, N} = who(Pid), ev({kill, P, N}); false -> ok end,
    exit(Pid, kill).
sup_down(R) -> {P, _} = who(self()), ev({sup_exit, P, cls(R)}).
who(Pid) -> case ets:lookup(st, {pid, Pid}) of [{_, X}] -> X; [] -> {[unknown], 0} end.

log(#{msg := {report, #{label := {supervisor, progress}}}}, _) -> ok;
log(#{msg := {report, #{label := {supervisor, C}, report := R}}}, _) ->
    {supervisor, {Sup, _}} = lists:keyfind(supervisor, 1, R),
    {reason, Why} = lists:keyfind(reason, 1, R),
    {offender, O} = lists:keyfind(offender, 1, R),
    {SP, _} = who(Sup),
    Off = case {lists:keyfind(nb_children, 1, O), lists:keyfind(pid, 1, O)} of
              {{_, N}, _} -> {nb, N};
              {_, {_, P}} when is_pid(P) -> {element(1, who(P)), element(2, who(P))};
              {_, {_, {restarting, P}}} when is_pid(P) -> {element(1, who(P)), restarting};
              _ -> {SP ++ [element(2, lists:keyfind(id, 1, O))], none}
          end,
    ev({report, SP, C, Off, cls(Why)});
log(_, _) -> ok.

cls({shutdown, {failed_to_start_child, Id, _}}) -> {failed_to_start, Id};
cls({shutdown, _}) -> shutdown_term;
cls(A) when is_atom(A) -> A;
cls({'EXIT', {boom, _}}) -> raise;
cls({boom, _}) -> raise;
cls({R, _}) -> cls(R);
cls(_) -> other.

%% ---------------------------------------------------------------- supervisors and children
init({Path, Flags, Specs}) ->
    ets:insert(st, {{pid, self()}, {Path, 0}}),
    ets:insert(st, {{sup, Path}, self()}),
    {ok, {Flags, [spec(Path, S) || S <- Specs, S =/= none] ++ dyn(Path, Flags)}}.
dyn(Path, #{strategy := simple_one_for_one, template := T}) -> [spec(Path, T, dstart)];
dyn(_, _) -> [].

spec(Path, S) -> spec(Path, S, cstart).
spec(Path, #{id := Id} = S, F) ->
    maps:merge(maps:with([id, restart, significant, shutdown], S),
               #{start => {?MODULE, F, [Path ++ [Id], S]},
                 type => case S of #{sup := _} -> supervisor; _ -> worker end}).

dstart(Path, S, N) -> cstart(lists:droplast(Path) ++ [N], S).
cstart(Path, S) ->
    Plan = case ets:lookup(st, {plan, Path}) of [] -> maps:get(plan, S, []); [{_, P0}] -> P0 end,
    {O, Rest} = case Plan of [] -> {ok, []}; [H | T] -> {H, T} end,
    ets:insert(st, {{plan, Path}, Rest}),
    N = ets:update_counter(st, {gen, Path}, 1, {{gen, Path}, 0}),
    ev({start, Path, N, case O of {hold_error, _} -> error; _ -> O end}),
    case O of
        ok -> begin_child(Path, N, S);
        ignore -> ignore;
        error -> {error, boom};
        raise -> error(boom);
        {hold_error, Op} ->
            M = make_ref(),
            holder ! {held, self(), M, Op},
            receive {release, M} -> {error, boom} end
    end.
begin_child(Path, N, #{sup := {Flags, Specs}}) ->
    M = persistent_term:get(supmod),
    case M:start_link(?MODULE, {Path, Flags, Specs}) of
        {ok, Pid} -> ets:insert(st, [{{pid, Pid}, {Path, N}}, {{run, Path}, Pid}]), {ok, Pid};
        E -> E
    end;
begin_child(Path, N, S) ->
    Me = self(), M = make_ref(),
    Pid = spawn_link(fun() ->
                         process_flag(trap_exit, true),
                         ets:insert(st, [{{pid, self()}, {Path, N}}, {{run, Path}, self()}]),
                         Me ! M,
                         child(Me, Path, N, maps:get(on_stop, S, graceful))
                     end),
    receive M -> {ok, Pid} end.
child(Sup, Path, N, OnStop) ->
    receive
        {die, R} -> ev({exit, Path, N, R}), exit(R);
        {'EXIT', Sup, R} ->
            ev({stop, Path, N, cls(R)}),
            case OnStop of
                graceful -> exit(R);
                {exit, R2} -> exit(R2);
                stubborn -> receive never -> ok end
            end
    end.

%% An op sent to the supervisor while its start function is held: the call is already in the supervisor's
%% queue when the failing start casts try_again_restart, so it sees the child as `restarting`.
holder() ->
    receive H -> ets:update_counter(st, holds, 1, {holds, 0}), spawn(fun() -> held(H) end) end,
    holder().
held({held, Sup, M, Op}) ->
    {_, Req} = api(Op),
    Id = gen_server:send_request(Sup, Req),
    queued(Sup, fun ({'$gen_call', {From, _}, X}) -> X =:= Req andalso From =:= self(); (_) -> false end),
    Sup ! {release, M},
    R = case catch gen_server:wait_response(Id, infinity) of
            {reply, X} -> X;
            {error, _} -> noproc
        end,
    ev({held_op, op_name(Op), res(R)}),
    ets:update_counter(st, holds, -1).
queued(P, F) ->
    case process_info(P, messages) of
        {_, L} -> lists:any(F, L) orelse begin erlang:yield(), queued(P, F) end;
        undefined -> true
    end.

%% ---------------------------------------------------------------- driver
run({scn, Id, Flags, Specs, Ops}) ->
    ets:delete_all_objects(ev), ets:delete_all_objects(st),
    ets:insert(st, [{now, 1000}, {holds, 0}]),
    process_flag(trap_exit, true),
    M = persistent_term:get(supmod),
    case M:start_link(?MODULE, {[], Flags, Specs}) of
        {ok, Root} ->
            ev({op, start_root, ok}), snaps(),
            [begin R = (catch op(O)), quiet(), ev({op, op_name(O), res(R)}), snaps() end || O <- Ops, alive(Root)],
            case alive(Root) of true -> ev({op, final_stop, ok}), stop(Root); false -> ok end,
            receive {'EXIT', Root, Why} -> ev({root_exit, cls(Why)}) end;
        {error, Why} ->
            ev({op, start_root, {error, cls(Why)}}),
            receive {'EXIT', _, _} -> ok after 0 -> ok end
    end,
    Evs = [E || {_, E} <- ets:tab2list(ev)],
    io:put_chars([json({obj, [{id, Id}, {ev, [jev(E) || E <- Evs]}]}), $\n]).

alive(P) -> is_process_alive(P).
stop(Root) ->
    Mon = monitor(process, Root), exit(Root, shutdown), receive {'DOWN', Mon, _, _, _} -> ok end.

op({exit, Path, R}) -> do_exits([{Path, R}]);
op({burst, L}) -> do_exits(L);
op({advance, N}) -> ets:update_counter(st, now, N), ok;
op({plan, Path, P}) -> ets:insert(st, {{plan, Path}, P}), ok;
op(stop) -> stop(sup([])), ok;
op(Op) -> {SP, Req} = api(Op), gen_server:call(sup(SP), Req, infinity).

api({terminate, SP, Id}) -> {SP, {terminate_child, Id}};
api({terminate_dyn, SP, N}) -> {SP, {terminate_child, pid(SP ++ [N])}};
api({restart, SP, Id}) -> {SP, {restart_child, Id}};
api({delete, SP, Id}) -> {SP, {delete_child, Id}};
api({start, SP, S}) -> {SP, {start_child, spec(SP, S)}};
api({start_dyn, SP, N}) -> {SP, {start_child, [N]}}.

sup(P) -> case ets:lookup(st, {sup, P}) of [{_, Pid}] -> Pid; [] -> exit(noproc) end.
pid(P) -> case ets:lookup(st, {run, P}) of [{_, Pid}] -> Pid; [] -> none end.

do_exits(L0) ->
    L = [{P, R, pid(P)} || {P, R} <- L0],
    Ls = [X || {P, _, Pid} = X <- L, Pid =/= none, is_process_alive(Pid), ets:member(st, {sup, lists:droplast(P)})],
    case Ls of
        [] -> {error, not_running};
        _ ->
            Sups = lists:usort([sup(lists:droplast(P)) || {P, _, _} <- Ls]),
            [ok = sys:suspend(S) || S <- Sups],
            [begin
                 Mon = monitor(process, Pid),
                 case R of
                     kill -> ev({exit, P, element(2, who(Pid)), killed}), exit(Pid, kill);
                     _ -> Pid ! {die, R}
                 end,
                 receive {'DOWN', Mon, _, _, _} -> ok end,
                 queued(sup(lists:droplast(P)), fun ({'EXIT', X, _}) -> X =:= Pid; (_) -> false end)
             end || {P, R, Pid} <- Ls, is_process_alive(Pid)],
            [catch sys:resume(S) || S <- Sups],
            ok
    end.

%% Quiet: no supervisor has a dead or restarting child, and nothing was logged during a whole pass.
quiet() ->
    Last = ets:last(ev),
    Ok = [one(S) || {{sup, _}, S} <- ets:tab2list(st), alive(S)],
    case lists:all(fun(X) -> X end, Ok) andalso ets:lookup_element(st, holds, 2) =:= 0
        andalso ets:last(ev) =:= Last of
        true -> ok;
        false -> erlang:yield(), quiet()
    end.
one(S) ->
    try
        Ch = supervisor:which_children(S),
        {_, Q} = process_info(S, message_queue_len),
        Q =:= 0 andalso lists:all(fun ({_, restarting, _, _}) -> false;
                                      ({_, P, _, _}) -> P =:= undefined orelse is_process_alive(P)
                                  end, Ch)
    catch _:_ -> false
    end.
snaps() ->
    Ss = lists:sort([{P, S} || {{sup, P}, S} <- ets:tab2list(st), alive(S)]),
    [begin
         Ch = supervisor:which_children(S),
         Cn = supervisor:count_children(S),
         ev({snap, P, [{case I of undefined -> case who(X) of {[], _} -> undefined; {W, _} -> lists:last(W) end;
                                  _ -> I end,
                        case X of undefined -> down; _ -> element(2, who(X)) end} || {I, X, _, _} <- Ch],
             [proplists:get_value(K, Cn) || K <- [specs, active, supervisors, workers]]})
     end || {P, S} <- Ss],
    ok.

op_name(T) when is_tuple(T) -> element(1, T);
op_name(A) -> A.
res(ok) -> ok;
res({ok, P}) when is_pid(P) -> ok;
res({ok, undefined}) -> ok_undefined;
res({error, {already_started, _}}) -> already_started;
res({error, {boom, _}}) -> boom;
res({error, A}) when is_atom(A) -> A;
res({error, {'EXIT', _}}) -> raise;
res({error, {{'EXIT', _}, _}}) -> raise;
res({error, {{shutdown, _}, _}}) -> sup_start_failed;
res({error, {shutdown, _}}) -> sup_start_failed;
res({error, {bad_combination, _}}) -> bad_combination;
res({'EXIT', {noproc, _}}) -> noproc;
res({'EXIT', noproc}) -> noproc;
res({'EXIT', _}) -> call_exit;
res(noproc) -> noproc;
res(_) -> other.

%% ---------------------------------------------------------------- JSON
jev({start, P, N, O}) -> o(start, [{p, path(P)}, {n, N}, {o, O}]);
jev({stop, P, N, R}) -> o(stop, [{p, path(P)}, {n, N}, {r, R}]);
jev({kill, P, N}) -> o(kill, [{p, path(P)}, {n, N}]);
jev({exit, P, N, R}) -> o(exit, [{p, path(P)}, {n, N}, {r, cls(R)}]);
jev({report, S, C, {nb, K}, R}) -> o(report, [{s, path(S)}, {c, C}, {nb, K}, {r, jr(R)}]);
jev({report, S, C, {P, N}, R}) -> o(report, [{s, path(S)}, {c, C}, {p, path(P)}, {n, N}, {r, jr(R)}]);
jev({op, O, {error, R}}) -> o(op, [{op, O}, {res, error}, {r, jr(R)}]);
jev({op, O, R}) -> o(op, [{op, O}, {res, R}]);
jev({held_op, O, R}) -> o(held_op, [{op, O}, {res, R}]);
jev({sup_exit, P, R}) -> o(sup_exit, [{p, path(P)}, {r, jr(R)}]);
jev({root_exit, R}) -> o(root_exit, [{r, jr(R)}]);
jev({snap, P, Ch, Cn}) -> o(snap, [{s, path(P)}, {ch, [[I, X] || {I, X} <- Ch]}, {cnt, Cn}]).
jr({failed_to_start, Id}) -> list_to_binary(io_lib:format("failed_to_start:~w", [Id]));
jr(X) -> X.
o(K, L) -> {obj, [{e, K} | L]}.
path([]) -> <<"/">>;
path(P) -> list_to_binary(lists:join("/", [io_lib:format("~w", [X]) || X <- P])).
json({obj, L}) -> [${, lists:join($,, [[json(K), $:, json(V)] || {K, V} <- L]), $}];
json(L) when is_list(L) -> [$[, lists:join($,, [json(X) || X <- L]), $]];
json(I) when is_integer(I) -> integer_to_list(I);
json(B) when is_binary(B) -> [$", B, $"];
json(A) when is_atom(A) -> [$", atom_to_list(A), $"].
