open Disco

let ( let* ) = Result.bind
let buffer_bytes = 256 * 1024

type t = { task : Task.t; kind : Message.kind; path : string; pending : Buffer.t; mutable begun : bool }

let files = ref 0

let create task ?(name = "output") kind =
  let* () = Task.make_folder task in
  incr files;
  let label = match kind with Message.Part label -> Printf.sprintf "-%d" label | _ -> "" in
  let path = Printf.sprintf "%s/%s%s-%d" (Task.folder task) name label !files in
  Ok { task; kind; path; pending = Buffer.create 4096; begun = false }

let partial t = t.path ^ ".partial"

let failed t error =
  Error
    (Errors.Transient (Printf.sprintf "cannot write the output %s: %s" t.path (Unix.error_message error)))

let rec write_all fd s at =
  if at < String.length s then
    match Unix.write_substring fd s at (String.length s - at) with
    | n -> write_all fd s (at + n)
    | exception Unix.Unix_error (Unix.EINTR, _, _) -> write_all fd s at

let with_file t f =
  let create = if t.begun then [] else Unix.[ O_CREAT; O_TRUNC ] in
  match Unix.openfile (partial t) (Unix.[ O_WRONLY; O_APPEND; O_CLOEXEC ] @ create) 0o644 with
  | exception Unix.Unix_error (error, _, _) -> failed t error
  | fd -> (
    t.begun <- true;
    let written = match f fd with () -> Ok () | exception Unix.Unix_error (error, _, _) -> failed t error in
    (* Some file systems say only here that there is no space. *)
    match Unix.close fd with () -> written | exception Unix.Unix_error (error, _, _) -> failed t error)

let flush t =
  let s = Buffer.contents t.pending in
  Buffer.clear t.pending;
  with_file t (fun fd -> write_all fd s 0)

let flush_full t = if Buffer.length t.pending >= buffer_bytes then flush t else Ok ()

let write t s =
  Buffer.add_string t.pending s;
  flush_full t

let write_bytes t bytes offset length =
  Buffer.add_subbytes t.pending bytes offset length;
  flush_full t

let finish t =
  let* () =
    with_file t (fun fd ->
      write_all fd (Buffer.contents t.pending) 0;
      Unix.fsync fd)
  in
  Buffer.clear t.pending;
  match Unix.rename (partial t) t.path with
  | () -> Ok t.path
  | exception Unix.Unix_error (error, _, _) -> failed t error

let close t =
  let* location = finish t in
  Task.expect_ok t.task (Message.Output { location; kind = t.kind })

let records ?(codec = Codecs.zlib) ?target t = Hunk.writer ?target ~codec (write t)
let tag task name = Task.expect_ok task (Message.Output { location = name; kind = Message.Tag })
