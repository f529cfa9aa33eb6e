type state = Fresh | Announced | Running | Finished | Errored | Stopped

let state_name = function
  | Fresh -> "fresh"
  | Announced -> "announced"
  | Running -> "running"
  | Finished -> "done"
  | Errored -> "errored"
  | Stopped -> "fatal"

(* A table a version. [worker state] is what a worker in that state may say, each with the state after it;
   [disco request] is what may answer that request, with the worker's state after it, if it changes. *)
type table = {
  worker : state -> (string * state) list;
  disco : string -> (string * state option) list;
}

let version_1_0 =
  let talking state = [ ("MSG", state); ("PING", state); ("ERROR", Errored); ("FATAL", Stopped) ] in
  {
    worker =
      (function
       | Fresh -> [ ("WORKER", Announced) ]
       | Announced -> ("TASK", Running) :: talking Announced
       | Running ->
         List.map (fun name -> (name, Running)) [ "TASK"; "INPUT"; "INPUT_ERR"; "OUTPUT" ]
         @ (("DONE", Finished) :: talking Running)
       | Finished | Errored | Stopped -> []);
    disco =
      (function
       | "TASK" -> [ ("TASK", None) ]
       | "INPUT" -> [ ("INPUT", None) ]
       | "INPUT_ERR" -> [ ("RETRY", None); ("WAIT", None); ("FAIL", None) ]
       | "DONE" -> [ ("OK", None); ("TASK", Some Running) ]
       | _ -> [ ("OK", None) ]);
  }

type t = {
  role : Message.role;
  table : table;
  reader : Frame.reader;
  asked : string Queue.t;
  mutable state : state;
  mutable reuse : bool;
  mutable at_end : bool;
}

let create role =
  {
    role;
    table = version_1_0;
    reader = Frame.reader ();
    asked = Queue.create ();
    state = Fresh;
    reuse = false;
    at_end = false;
  }

let state s = s.state
let reuse s = s.reuse
let owed s = Queue.length s.asked
let ended s = Queue.is_empty s.asked && s.table.worker s.state = []
let unfinished s = Frame.unfinished s.reader

let names moves = String.concat " or " (List.map fst moves)

let ask s message name =
  let legal = s.table.worker s.state in
  match List.assoc_opt name legal with
  | Some after ->
    Queue.add name s.asked;
    s.state <- after;
    (match message with Message.Hello { reuse; _ } -> s.reuse <- reuse | _ -> ());
    Ok ()
  | None ->
    let legal = if legal = [] then "nothing more" else names legal in
    Error (Printf.sprintf "the worker is %s, and may say %s" (state_name s.state) legal)

let answer s name =
  match Queue.peek_opt s.asked with
  | None -> Error "no request is waiting for an answer"
  | Some asked -> (
    let legal = s.table.disco asked in
    match List.assoc_opt name legal with
    | Some (Some _) when not s.reuse ->
      Error "the worker did not announce reuse, so the answer to DONE is OK"
    | Some after ->
      ignore (Queue.pop s.asked);
      Option.iter (fun state -> s.state <- state) after;
      Ok ()
    | None -> Error (Printf.sprintf "the answer to %s is %s" asked (names legal)))

let move s sender message =
  let name = Message.name message in
  match (sender, message) with
  | Message.Worker, Message.Request request -> ask s request name
  | Message.Disco, Message.Reply _ -> answer s name
  | Message.Worker, Message.Reply _ -> Error "a worker only asks"
  | Message.Disco, Message.Request _ -> Error "Disco only answers"

let send s message =
  match Frame.encode (Message.to_frame message) with
  | Error _ as error -> error
  | Ok bytes -> (
    match move s s.role message with
    | Ok () -> Ok bytes
    | Error reason ->
      Error (Errors.Out_of_turn (Printf.sprintf "cannot send %s: %s" (Message.name message) reason)))

let receive s bytes offset length =
  if length = 0 then s.at_end <- true else Frame.feed s.reader bytes offset length

(* The reply was bad, but it was the reply: the next one answers the next request. A bad TASK in answer to DONE has
   begun a task all the same: FATAL can be said of it. *)
let count_as_answer s name =
  if s.role = Message.Worker then begin
    ignore (Queue.take_opt s.asked);
    if name = "TASK" && s.state = Finished && s.reuse then s.state <- Running
  end

let accept s frame =
  let sender = match s.role with Message.Worker -> Message.Disco | Message.Disco -> Message.Worker in
  match Parse.message sender frame with
  | Error error ->
    count_as_answer s frame.Frame.name;
    `Error error
  | Ok message -> (
    match move s sender message with
    | Ok () -> `Message message
    | Error reason ->
      count_as_answer s frame.Frame.name;
      `Error (Errors.Bad_message { name = frame.Frame.name; reason = "out of order: " ^ reason }))

let next s =
  match Frame.next s.reader with
  | `Error _ as error -> error
  | `Frame frame -> accept s frame
  | `Await when not s.at_end -> `Await
  | `Await -> ( match Frame.finish s.reader with Ok () -> `End | Error error -> `Error error)
