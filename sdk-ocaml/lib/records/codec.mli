(** Compression of hunks. The core knows what a codec is and how to leave bytes alone; zlib and zstd need C, and come
    from the library on top, [disco.unix]. *)

(** [decompress stored raw_len] is exactly [raw_len] bytes or the reason why not. It takes memory as data comes out,
    not because [raw_len] says so. *)
type t = {
  name : string;
  number : int;  (** As the header of a hunk has it. *)
  compress : string -> string;
  decompress : string -> int -> (string, string) result;
}

(** [none] stores bytes as they are. *)
val none : t

(** [name_of number] is the name of the codec that headers call [number], whether it can be used here or not. *)
val name_of : int -> string option

(** [exactly name raw raw_len] is [raw] when it has [raw_len] bytes: the check that every codec ends with. *)
val exactly : string -> string -> int -> (string, string) result
