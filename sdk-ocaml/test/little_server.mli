(** A small HTTP server on a free port of 127.0.0.1, in a process of its own. *)

type request = { verb : string; target : string; headers : (string * string) list; body : string }

(** What is answered. [cut] bytes of the body are announced and not sent. *)
type response = { status : int; body : string; cut : int; extra : (string * string) list }

(** [ok body] is status 200 with [body]. *)
val ok : string -> response

(** [status code body] is any status with [body]. *)
val status : int -> string -> response

(** [with_server answer f] is [f port] while a server answers; [answer count request] runs in the server's process, where
    [count] says how many requests came before. *)
val with_server : (int -> request -> response) -> (int -> 'a) -> 'a
