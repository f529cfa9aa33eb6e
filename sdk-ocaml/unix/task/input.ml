open Disco

let ( let* ) = Result.bind
let first_pause_s = 0.1
let last_pause_s = 5.0

type t = { input : Message.input }

let id t = t.input.Message.input_id

let sleep seconds =
  let until = Unix.gettimeofday () +. seconds in
  let rec rest () =
    let left = until -. Unix.gettimeofday () in
    if left > 0.0 then begin
      (try Unix.sleepf left with Unix.Unix_error (Unix.EINTR, _, _) -> ());
      rest ()
    end
  in
  rest ()

let out_of_place reply expected =
  let name = Message.name (Message.Reply reply) in
  Error (Errors.Protocol (Errors.Bad_message { name; reason = expected ^ " was expected" }))

let poll task selection =
  let* reply = Task.ask task (Message.Get_inputs selection) in
  match reply with
  | Message.Inputs { more; inputs } -> Ok (more, inputs)
  | other -> out_of_place other "INPUT"

(* ---- the list of inputs *)

(* Reads what is new in a list; true when something in it is not ready yet. *)
let read_new seen f inputs =
  let rec from busy = function
    | [] -> Ok busy
    | input :: rest when Hashtbl.mem seen input.Message.input_id -> from busy rest
    | { Message.status = Message.Busy; _ } :: rest -> from true rest
    | input :: rest ->
      Hashtbl.replace seen input.Message.input_id ();
      let* () = f { input } in
      from busy rest
  in
  from false inputs

let each task f =
  let seen = Hashtbl.create 16 in
  let rec more pause =
    let ids = List.sort compare (Hashtbl.fold (fun id () ids -> id :: ids) seen []) in
    let* is_more, inputs = poll task (if ids = [] then Message.All else Message.Exclude ids) in
    let before = Hashtbl.length seen in
    let* is_busy = read_new seen f inputs in
    if not (is_more || is_busy) then Ok ()
    else begin
      let pause = if Hashtbl.length seen > before then first_pause_s else pause in
      sleep pause;
      more (Float.min last_pause_s (2.0 *. pause))
    end
  in
  more first_pause_s

(* ---- the replicas of an input *)

(* Polls for one input until its replicas are there. *)
let await_replicas task id =
  let rec more pause =
    let* _, inputs = poll task (Message.Include [ id ]) in
    match List.find_opt (fun input -> input.Message.input_id = id) inputs with
    | Some { Message.status = Message.Failed; replicas = []; _ } ->
      Error (Errors.Transient (Printf.sprintf "input %d could not be made again" id))
    | Some { Message.status = Message.Ready | Message.Failed; replicas = _ :: _ as replicas; _ } -> Ok replicas
    | _ ->
      sleep pause;
      more (Float.min last_pause_s (2.0 *. pause))
  in
  more first_pause_s

let no_replica_left id why =
  Error (Errors.Transient (Printf.sprintf "input %d cannot be read: %s" id why))

let report task input progress failed why =
  let id = input.Message.input_id in
  let* reply = Task.ask task (Message.Input_err { input_id = id; replica_ids = List.rev failed }) in
  match reply with
  | Message.Retry replicas -> Ok replicas
  | Message.Fail -> no_replica_left id why
  | Message.Wait _ when progress.Reading.delivered > 0 ->
    no_replica_left id
      (Printf.sprintf "it is made again after %d of its records had been read (%s)" progress.delivered why)
  | Message.Wait seconds ->
    sleep (float_of_int seconds);
    await_replicas task id
  | other -> out_of_place other "RETRY, WAIT or FAIL"

(* [read url progress] reads one replica, and counts in [progress]. *)
let from_replicas task { input } read =
  let progress = Reading.start () in
  let rec try_all failed why = function
    | [] ->
      let* replicas = report task input progress failed why in
      try_all [] why replicas
    | { Message.replica_id; url } :: rest -> (
      Reading.again progress;
      match read (Task.place task) url progress with
      | Error (Errors.Bad_input _ as failure) -> try_all (replica_id :: failed) (Errors.to_string failure) rest
      | (Ok () | Error _) as result -> result)
  in
  try_all [] "Disco lists no replica of it" input.Message.replicas

let alive task result =
  let* () = result in
  Task.heartbeat task

let bytes task input f =
  from_replicas task input (fun place url progress ->
    Reading.bytes place url progress (fun bytes offset length -> alive task (f bytes offset length)))

let lines task input f =
  from_replicas task input (fun place url progress ->
    Reading.lines place url progress (fun line -> alive task (f line)))

let records task input f =
  from_replicas task input (fun place url progress ->
    Reading.records place url progress (fun key value -> alive task (f key value)))
