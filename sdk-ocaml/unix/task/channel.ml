open Disco

let ( let* ) = Result.bind
let default_timeout_s = 600.0
let read_bytes = 64 * 1024

type t = {
  requests : Unix.file_descr;
  replies : Unix.file_descr;
  timeout_s : float;
  session : Session.t;
  piece : Bytes.t;
  mutable last_asked_s : float;
}

let create ?(timeout_s = default_timeout_s) ~requests ~replies () =
  {
    requests;
    replies;
    timeout_s;
    session = Session.create Message.Worker;
    piece = Bytes.create read_bytes;
    last_asked_s = Unix.gettimeofday ();
  }

let last_asked_s c = c.last_asked_s
let lost reason = Error (Errors.Lost reason)
let closed = "Disco closed the pipe"

let write c bytes =
  let size = String.length bytes in
  let rec from at =
    if at = size then Ok ()
    else
      match Unix.write_substring c.requests bytes at (size - at) with
      | n -> from (at + n)
      | exception Unix.Unix_error (Unix.EINTR, _, _) -> from at
      | exception Unix.Unix_error (Unix.EPIPE, _, _) -> lost closed
      | exception Unix.Unix_error (error, _, _) -> lost ("cannot write to Disco: " ^ Unix.error_message error)
  in
  from 0

(* Waits for bytes or the end of the stream; an interrupted wait goes on with what is left of it. *)
let rec await c deadline =
  let left = deadline -. Unix.gettimeofday () in
  if left <= 0.0 then lost (Printf.sprintf "Disco has not answered for %.0f seconds" c.timeout_s)
  else
    match Unix.select [ c.replies ] [] [] left with
    | [], _, _ -> await c deadline
    | _ -> Ok ()
    | exception Unix.Unix_error (Unix.EINTR, _, _) -> await c deadline
    | exception Unix.Unix_error (error, _, _) -> lost ("cannot wait for Disco: " ^ Unix.error_message error)

let receive c deadline =
  let* () = await c deadline in
  match Unix.read c.replies c.piece 0 read_bytes with
  | n -> Ok (Session.receive c.session c.piece 0 n)
  | exception Unix.Unix_error ((Unix.EINTR | Unix.EAGAIN), _, _) -> Ok ()
  | exception Unix.Unix_error (error, _, _) -> lost ("cannot read from Disco: " ^ Unix.error_message error)

let rec reply c deadline =
  match Session.next c.session with
  | `Message (Message.Reply reply) -> Ok reply
  | `Message (Message.Request _) -> lost "Disco asked instead of answering"
  | `End -> lost closed
  | `Error error -> Error (Errors.Protocol error)
  | `Await ->
    let* () = receive c deadline in
    reply c deadline

let send c request =
  match Session.send c.session (Message.Request request) with
  | Error error -> Error (Errors.Protocol error)
  | Ok bytes ->
    c.last_asked_s <- Unix.gettimeofday ();
    write c bytes

let ask c request =
  let* () = send c request in
  reply c (c.last_asked_s +. c.timeout_s)

let tell c request = ignore (send c request)
