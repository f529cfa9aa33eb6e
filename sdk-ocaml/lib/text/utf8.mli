(** Text in UTF-8, as Unicode defines it: no surrogates, no overlong forms, nothing above U+10FFFF. *)

(** [first_fault s] is the offset of the first byte of [s] that is not part of valid UTF-8. *)
val first_fault : string -> int option

(** [is_valid s] is [true] when all of [s] is UTF-8. *)
val is_valid : string -> bool

(** [repair s] is [s] with U+FFFD in place of each byte that is not part of valid UTF-8. *)
val repair : string -> string

(** [add buffer code] appends the UTF-8 form of the code point [code]; a surrogate is written as the three bytes
    that it would have, so that it is not lost, and [is_valid] tells. *)
val add : Buffer.t -> int -> unit
