(** Bytes that are read piece by piece: a file, a download, or data at hand. Nothing is held in memory whole. *)

(** [read bytes offset length] puts 1 to [length] bytes into [bytes]; 0 is the end. The error is why the rest cannot be
    had. [close] may be called twice. *)
type t = { read : bytes -> int -> int -> (int, string) result; close : unit -> unit }

(** How much is asked for at a time. *)
val piece_bytes : int

(** [of_string s] is the bytes of [s]. *)
val of_string : string -> t

(** [of_file path] is the content of the file, or why it cannot be opened. A directory cannot. *)
val of_file : string -> (t, string) result

(** [iter source f] calls [f bytes offset length] for each piece; [broken reason] is the error for a source that
    breaks. The source is closed at the end, whatever it is. *)
val iter :
  t -> broken:(string -> 'e) -> (bytes -> int -> int -> (unit, 'e) result) -> (unit, 'e) result

(** [to_string ~max_bytes source] is all of a small source, or why it cannot be had. The source is closed. *)
val to_string : max_bytes:int -> t -> (string, string) result
