(** CRC-32 with the polynomial of zlib, in plain OCaml: the core library links to no C. *)

(** [substring s offset length] is the checksum of that part of [s], from 0 to 2{^32} - 1.
    The part must lie within [s]. *)
val substring : string -> int -> int -> int

(** [string s] is the checksum of all of [s]. *)
val string : string -> int
