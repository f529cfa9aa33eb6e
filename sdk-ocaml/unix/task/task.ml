open Disco

let ( let* ) = Result.bind
let heartbeat_s = 10.0
let looks_a_clock = 8

type t = {
  channel : Channel.t;
  prints : Standard.prints;
  info : Message.task;
  folder : string;
  mutable place : Fetch.place;
  mutable beats : int;
}

let attempts = ref 0

let create channel prints info =
  incr attempts;
  let folder =
    Printf.sprintf ".disco/out/%s-%d-%d-%.0f-%d" (Message.mode_name info.Message.mode) info.Message.taskid
      (Unix.getpid ())
      (Unix.gettimeofday () *. 1e6)
      !attempts
  in
  { channel; prints; info; folder; place = Fetch.place_of info; beats = 0 }

let info t = t.info
let folder t = t.folder
let place t = t.place
let read_all_labels t = t.place <- Fetch.place_of ~all_labels:true t.info

let rec make_path path =
  match Unix.mkdir path 0o755 with
  | () -> Ok ()
  | exception Unix.Unix_error (Unix.EEXIST, _, _) -> Ok ()
  | exception Unix.Unix_error (Unix.ENOENT, _, _) when Filename.dirname path <> path ->
    let* () = make_path (Filename.dirname path) in
    make_path path
  | exception Unix.Unix_error (error, _, _) ->
    Error (Errors.Transient (Printf.sprintf "cannot make the folder %s: %s" path (Unix.error_message error)))

let make_folder t = make_path t.folder

let ok_only = function
  | Message.Ok -> Ok ()
  | other ->
    let name = Message.name (Message.Reply other) in
    Error (Errors.Protocol (Errors.Bad_message { name; reason = "the answer is OK" }))

let rec say_lines t = function
  | [] -> Ok ()
  | line :: rest ->
    let* reply = Channel.ask t.channel (Message.Msg line) in
    let* () = ok_only reply in
    say_lines t rest

let say_prints t = say_lines t (Standard.drain t.prints)

let ask t request =
  let* () = say_prints t in
  Channel.ask t.channel request

let expect_ok t request =
  let* reply = ask t request in
  ok_only reply

let say t text = expect_ok t (Message.Msg text)
let ping t = expect_ok t Message.Ping

let heartbeat ?(every_s = heartbeat_s) t =
  t.beats <- t.beats + 1;
  if t.beats land (looks_a_clock - 1) <> 0 then Ok ()
  else if Unix.gettimeofday () -. Channel.last_asked_s t.channel < every_s then Ok ()
  else ping t

(* ---- the job file *)

let read_at fd start length =
  let bytes = Bytes.create length in
  ignore (Unix.lseek fd start Unix.SEEK_SET);
  let rec more at =
    if at = length then at
    else match Unix.read fd bytes at (length - at) with 0 -> at | n -> more (at + n)
  in
  Bytes.sub_string bytes 0 (more 0)

let section t name =
  let path = t.info.Message.jobfile in
  let cannot reason = Error (Errors.Transient (Printf.sprintf "cannot read the job file %s: %s" path reason)) in
  match Unix.openfile path [ Unix.O_RDONLY; Unix.O_CLOEXEC ] 0 with
  | exception Unix.Unix_error (error, _, _) -> cannot (Unix.error_message error)
  | fd ->
    Fun.protect
      ~finally:(fun () -> Unix.close fd)
      (fun () ->
        try
          let size = (Unix.fstat fd).Unix.st_size in
          let header = read_at fd 0 (min size Jobpack.header_bytes) in
          match Jobpack.section_of_header header ~size name with
          | Error error -> cannot (Format.asprintf "%a" Jobpack.pp_error error)
          | Ok (start, length) -> Ok (read_at fd start length)
        with Unix.Unix_error (error, _, _) -> cannot (Unix.error_message error))

let read_jobdict t =
  let* text = section t "jobdict" in
  match Jobpack.jobdict_of text with
  | Ok members -> Ok members
  | Error error -> Error (Errors.Fatal (Format.asprintf "%a" Jobpack.pp_error error))

(* A process that does thousands of small tasks of a job would read as many times the list of thousands of inputs. *)
let last_read = ref None

let identity path =
  match Unix.stat path with
  | { Unix.st_dev; st_ino; st_size; st_mtime; _ } -> Some (path, st_dev, st_ino, st_size, st_mtime)
  | exception Unix.Unix_error _ -> None

let jobdict t =
  let key = identity t.info.Message.jobfile in
  match !last_read with
  | Some (known, members) when key <> None && known = key -> Ok members
  | _ ->
    let* members = read_jobdict t in
    last_read := Some (key, members);
    Ok members

let jobdata t = section t "jobdata"
