(** Lines of text out of pieces of a stream. A line is given without its line feed (a carriage return before it stays),
    and the last line needs none. *)

(** A splitter of one stream. *)
type t

(** [create ()] has seen nothing. *)
val create : unit -> t

(** [feed t bytes offset length f] calls [f] with each line that ends in what was read, until [f] gives an error. *)
val feed : t -> bytes -> int -> int -> (string -> (unit, 'e) result) -> (unit, 'e) result

(** [finish t f] calls [f] with the unfinished last line, if there is one. *)
val finish : t -> (string -> (unit, 'e) result) -> (unit, 'e) result
