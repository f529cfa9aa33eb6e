open Disco
open Disco_unix

let ( let* ) = Result.bind

type reaction = Retry of string list | Wait of int * string list | Fail
type input = { replicas : string list; busy_polls : int; reactions : reaction list }

let input ?(busy_polls = 0) ?(reactions = []) replicas = { replicas; busy_polls; reactions }

type task = { mode : Message.mode; taskid : int; jobname : string; inputs : input list; one_by_one : bool }

let task ?(mode = Message.Map) ?(taskid = 0) ?(jobname = "test@0") ?(one_by_one = false) inputs =
  { mode; taskid; jobname; inputs; one_by_one }

type worker = Program of Worker.program | Command of string list
type ending = Done | Gave_up of string | Stopped of string | Silent
type output = { location : string; kind : Message.kind }

type report = {
  ending : ending;
  outputs : output list;
  messages : string list;
  pings : int;
  input_errors : (int * int list) list;
  polls : int;
}

type answer = Say of Message.reply | Raw of string | Hang_up

(* ---- one task, as the master sees it *)

type listed = {
  mutable left_busy : int;
  mutable now : Message.replica list;
  mutable to_come : reaction list;
  mutable next_replica : int;
}

type state = { asked : task; listed : listed array; mutable so_far : report }

let number listed urls =
  List.map
    (fun url ->
      let replica_id = listed.next_replica in
      listed.next_replica <- replica_id + 1;
      { Message.replica_id; url })
    urls

let begin_task asked =
  let list_input { replicas; busy_polls; reactions } =
    let listed = { left_busy = busy_polls; now = []; to_come = reactions; next_replica = 0 } in
    listed.now <- number listed replicas;
    listed
  in
  let so_far =
    { ending = Silent; outputs = []; messages = []; pings = 0; input_errors = []; polls = 0 }
  in
  { asked; listed = Array.of_list (List.map list_input asked.inputs); so_far }

let entry state id =
  let listed = state.listed.(id) in
  if listed.left_busy > 0 then begin
    listed.left_busy <- listed.left_busy - 1;
    { Message.input_id = id; status = Message.Busy; replicas = [] }
  end
  else { Message.input_id = id; status = Message.Ready; replicas = listed.now }

let inputs state selection =
  let polls = state.so_far.polls + 1 in
  state.so_far <- { state.so_far with polls };
  let all = Array.length state.listed in
  let known = if state.asked.one_by_one then min polls all else all in
  let wanted id =
    match selection with
    | Message.All -> true
    | Message.Exclude ids -> not (List.mem id ids)
    | Message.Include ids -> List.mem id ids
  in
  let ids = List.filter wanted (List.init known Fun.id) in
  let entries = List.map (entry state) ids in
  let is_busy = List.exists (fun one -> one.Message.status = Message.Busy) entries in
  Message.Inputs { more = known < all || is_busy; inputs = entries }

let input_err state id ids : Message.reply =
  state.so_far <- { state.so_far with input_errors = (id, ids) :: state.so_far.input_errors };
  if id < 0 || id >= Array.length state.listed then Message.Fail
  else
    let listed = state.listed.(id) in
    match listed.to_come with
    | [] | Fail :: _ -> Message.Fail
    | Retry urls :: rest ->
      listed.to_come <- rest;
      listed.now <- number listed urls;
      Message.Retry listed.now
    | Wait (seconds, urls) :: rest ->
      listed.to_come <- rest;
      listed.now <- number listed urls;
      Message.Wait seconds

(* ---- the process *)

type process = { pid : int; requests : Unix.file_descr; replies : Unix.file_descr }

let become folder worker =
  Unix.chdir folder;
  match worker with
  | Command [] -> ()
  | Command (program :: _ as argv) -> Unix.execv program (Array.of_list argv)
  | Program program -> (
    match Standard.take () with
    | Error _ -> ()
    | Ok { Standard.requests; replies; prints } ->
      let status = Worker.serve ~prints ~requests ~replies program in
      (* No at_exit of the parent's program may run here. *)
      Unix._exit status)

let start folder worker =
  let their_replies, replies = Unix.pipe ~cloexec:true () in
  let requests, their_requests = Unix.pipe ~cloexec:true () in
  flush_all ();
  match Unix.fork () with
  | 0 ->
    (try
       Unix.dup2 ~cloexec:false their_replies Unix.stdin;
       Unix.dup2 ~cloexec:false their_requests Unix.stderr;
       Unix.dup2 ~cloexec:false Unix.stderr Unix.stdout;
       List.iter Unix.close [ their_replies; their_requests; replies; requests ];
       become folder worker
     with _ -> ());
    Unix._exit 127
  | pid ->
    List.iter Unix.close [ their_replies; their_requests ];
    { pid; requests; replies }

let rec reap pid =
  match Unix.waitpid [] pid with
  | _, status -> status
  | exception Unix.Unix_error (Unix.EINTR, _, _) -> reap pid

let finish process =
  (try Unix.kill process.pid Sys.sigkill with Unix.Unix_error _ -> ());
  Unix.close process.replies;
  Unix.close process.requests;
  reap process.pid

(* ---- the conversation *)

type talk = {
  process : process;
  session : Session.t;
  piece : Bytes.t;
  timeout_s : float;
  jobfile : string;
  master : string;
  folder : string;
  answer : Message.request -> answer option;
  mutable waiting : task list;
  mutable current : state option;
  mutable reports : report list;
}

let text error = Format.asprintf "%a" Errors.pp_protocol error

let write talk bytes =
  match Unix.write_substring talk.process.replies bytes 0 (String.length bytes) with
  | _ -> Ok ()
  | exception Unix.Unix_error (Unix.EPIPE, _, _) -> Ok ()
  | exception Unix.Unix_error (error, _, _) -> Error (Unix.error_message error)

let reply talk message =
  match Session.send talk.session (Message.Reply message) with
  | Ok bytes -> write talk bytes
  | Error error -> Error (text error)

let info talk asked =
  let absolute name = Filename.concat talk.folder name in
  {
    Message.host = "localhost";
    master = talk.master;
    jobname = asked.jobname;
    taskid = asked.taskid;
    mode = asked.mode;
    disco_port = 8989;
    put_port = 8990;
    disco_data = absolute "data";
    ddfs_data = absolute "ddfs";
    jobfile = talk.jobfile;
  }

let next_task talk =
  match talk.waiting with
  | [] -> None
  | asked :: rest ->
    talk.waiting <- rest;
    talk.current <- Some (begin_task asked);
    Some (Message.Task (info talk asked))

let ordered report =
  {
    report with
    outputs = List.rev report.outputs;
    messages = List.rev report.messages;
    input_errors = List.rev report.input_errors;
  }

let end_task talk ending =
  match talk.current with
  | None -> ()
  | Some state ->
    talk.reports <- ordered { state.so_far with ending } :: talk.reports;
    talk.current <- None

let note talk change = Option.iter (fun state -> state.so_far <- change state.so_far) talk.current

let with_task talk f =
  match talk.current with None -> Error "it asks for inputs before it has a task" | Some state -> Ok (f state)

let after_done talk =
  end_task talk Done;
  if Session.reuse talk.session then Option.value (next_task talk) ~default:Message.Ok else Message.Ok

let right_answer talk : Message.request -> (Message.reply, string) result = function
  | Message.Hello _ -> Ok Message.Ok
  | Message.Get_task -> Option.to_result ~none:"there is no task for it" (next_task talk)
  | Message.Get_inputs selection -> with_task talk (fun state -> inputs state selection)
  | Message.Input_err { input_id; replica_ids } ->
    with_task talk (fun state -> input_err state input_id replica_ids)
  | Message.Msg line ->
    note talk (fun report -> { report with messages = line :: report.messages });
    Ok Message.Ok
  | Message.Ping ->
    note talk (fun report -> { report with pings = report.pings + 1 });
    Ok Message.Ok
  | Message.Output { location; kind } ->
    note talk (fun report -> { report with outputs = { location; kind } :: report.outputs });
    Ok Message.Ok
  | Message.Done -> Ok (after_done talk)
  | Message.Error reason ->
    end_task talk (Gave_up reason);
    Ok Message.Ok
  | Message.Fatal reason ->
    end_task talk (Stopped reason);
    Ok Message.Ok

let output_is_there talk = function
  | Message.Output { location; kind = Message.Disco_file | Message.Part _ } ->
    if Sys.file_exists (Filename.concat talk.folder location) then Ok ()
    else Error (Printf.sprintf "the output %s is reported, but it is not there" location)
  | _ -> Ok ()

(* A legal answer, for the books alone: something else goes over the wire. *)
let count_as_answered talk request =
  let legal =
    match request with
    | Message.Get_inputs _ -> Message.Inputs { more = false; inputs = [] }
    | Message.Get_task -> Message.Task (info talk (task []))
    | Message.Input_err _ -> Message.Fail
    | _ -> Message.Ok
  in
  ignore (Session.send talk.session (Message.Reply legal))

let respond talk request =
  let* () = output_is_there talk request in
  match talk.answer request with
  | Some (Say message) -> reply talk message
  | Some (Raw bytes) ->
    count_as_answered talk request;
    write talk bytes
  | Some Hang_up ->
    (* Both ends stay valid descriptors for [finish]; the worker sees the end of its input. *)
    let null = Unix.openfile "/dev/null" [ Unix.O_WRONLY ] 0 in
    Unix.dup2 null talk.process.replies;
    Unix.close null;
    Ok ()
  | None ->
    let* message = right_answer talk request in
    reply talk message

let rec converse talk =
  match Session.next talk.session with
  | `Message (Message.Request request) ->
    let* () = respond talk request in
    converse talk
  | `Message (Message.Reply _) -> Error "it answers instead of asking"
  | `Error error -> Error (text error)
  | `End -> Ok ()
  | `Await -> (
    match Unix.select [ talk.process.requests ] [] [] talk.timeout_s with
    | [], _, _ -> Error (Printf.sprintf "it was silent for %.0f seconds" talk.timeout_s)
    | _ ->
      let n = Unix.read talk.process.requests talk.piece 0 (Bytes.length talk.piece) in
      Session.receive talk.session talk.piece 0 n;
      converse talk
    | exception Unix.Unix_error (Unix.EINTR, _, _) -> converse talk)

let write_jobfile path partitions data =
  let job =
    {
      Jobpack.prefix = "test";
      inputs = [];
      worker = "worker";
      owner = "";
      nr_reduces = partitions;
      has_map = true;
      has_reduce = true;
      scheduler = [];
    }
  in
  let files = [ { Zip.path = "worker"; content = ""; executable = true } ] in
  match Result.bind (Jobpack.make job ~envs:[] ~files ~data) Jobpack.encode with
  | Error error -> Error (Format.asprintf "%a" Jobpack.pp_error error)
  | Ok bytes ->
    let channel = open_out_bin path in
    output_string channel bytes;
    close_out channel;
    Ok ()

let absolute folder = if Filename.is_relative folder then Filename.concat (Sys.getcwd ()) folder else folder

let run ?(partitions = 1) ?(data = "") ?(master = "http://localhost:8989") ?(answer = fun _ -> None) ?(timeout_s = 30.0) ~folder worker tasks =
  let folder = absolute folder in
  let jobfile = Filename.concat folder "jobfile" in
  let* () = write_jobfile jobfile partitions data in
  let before = Sys.signal Sys.sigpipe Sys.Signal_ignore in
  let process = start folder worker in
  let talk =
    {
      process;
      session = Session.create Message.Disco;
      piece = Bytes.create 65_536;
      timeout_s;
      jobfile;
      master;
      folder;
      answer;
      waiting = tasks;
      current = None;
      reports = [];
    }
  in
  let result = converse talk in
  end_task talk Silent;
  let status = if result = Ok () then reap process.pid else finish process in
  if result = Ok () then begin
    Unix.close process.replies;
    Unix.close process.requests
  end;
  Sys.set_signal Sys.sigpipe before;
  let* () = result in
  Ok (List.rev talk.reports, status)

(* ---- what came of it *)

let content ~folder output =
  let channel = open_in_bin (Filename.concat folder output.location) in
  Fun.protect
    ~finally:(fun () -> close_in channel)
    (fun () -> really_input_string channel (in_channel_length channel))

let records ~folder output =
  let bytes = Bytes.unsafe_of_string (content ~folder output) in
  let reader = Hunk.reader ~codecs:Codecs.all output.location in
  Hunk.feed reader bytes 0 (Bytes.length bytes);
  let rec from found =
    match Hunk.next reader with
    | `Await -> Result.map (fun () -> List.rev found) (Hunk.finish reader)
    | `Error failure -> Error failure
    | `Batch batch ->
      let all = ref found in
      ignore
        (Hunk.iter batch (fun key value ->
           all := (key, value) :: !all;
           Ok ()));
      from !all
  in
  from []
