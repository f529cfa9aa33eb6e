(** The standard streams of a worker process. They are the protocol's pipes when it starts; before any other code runs
    they are moved away, so that no print can land between frames and no child can eat a reply. *)

(** What is left behind: the protocol's pipes, and the file that standard output and error lead to. *)
type t = { requests : Unix.file_descr; replies : Unix.file_descr; prints : prints }

and prints

(** How much of what was printed between two requests becomes messages: the newest. *)
val max_captured_bytes : int

val max_captured_lines : int

(** [take ()] moves the streams: input is empty now, output and error lead to an unlinked file, because a pipe that
    nobody empties would stop a program that prints much. The error is why not. *)
val take : unit -> (t, string) result

(** [nowhere] are prints that are not captured: for a worker whose streams were not taken. *)
val nowhere : prints

(** [drain prints] is the newest lines that were printed since the last time. *)
val drain : prints -> string list
