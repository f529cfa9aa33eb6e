(** zstd as a codec of hunks (number 2), through a small stub on libzstd. *)

(** [codec] writes at level 1 and reads frames of any level; memory is taken as data comes out. *)
val codec : Disco.Codec.t
