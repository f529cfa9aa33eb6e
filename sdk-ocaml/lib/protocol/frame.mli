(** Frames: [NAME SP LENGTH SP PAYLOAD LF], and nothing else.

    NAME is 1 to 10 bytes of [A-Z] and [_]; LENGTH is canonical decimal and counts the bytes of PAYLOAD. What a
    payload says is left to {!Parse}: here it is bytes.

    The reader is a machine over prefixes: the first byte that cannot stand where it stands decides the fault, so
    the same bytes give the same frames and the same fault however they were split on their way.

    Invariant: no byte of a payload is looked at twice, so a frame costs time proportional to its length even
    when it arrives in small pieces; and no memory is taken for a payload before it has come. *)

(** One frame as it was on the wire, without its length. *)
type t = { name : string; payload : string }

val max_name_bytes : int

(** 100 MiB, which is still accepted. *)
val max_payload_bytes : int

(** How much is kept of what came instead of a frame. *)
val max_last_words_bytes : int

(** [encode frame] is the bytes of [frame]; an error when its name or its size is against the rules. *)
val encode : t -> (string, Errors.protocol) result

(** {1 Reading} *)

(** A reader of one stream. *)
type reader

(** [reader ()] is a reader that has seen nothing. *)
val reader : unit -> reader

(** [feed reader bytes offset length] takes in what was read. After a fault it is kept as last words. *)
val feed : reader -> bytes -> int -> int -> unit

(** [next reader] is the next whole frame; [`Await] when more bytes are needed. An error stays for ever: a stream
    that lost its framing has no next frame. *)
val next : reader -> [ `Frame of t | `Await | `Error of Errors.protocol ]

(** [finish reader] says that no byte will follow; an error when a frame was left unfinished. *)
val finish : reader -> (unit, Errors.protocol) result

(** [unfinished reader] is [true] when bytes have come that {!next} has not given out. *)
val unfinished : reader -> bool

(** [last_words reader] is what came instead of a frame, from the start of the frame that broke. *)
val last_words : reader -> string
