(** A run: sorted pairs in a file, and merging several of them. *)

(** The path of its file. *)
type t = string

(** Where pairs are taken from, one by one: [None] after the last. *)
type pull = unit -> ((string * string) option, Disco.Errors.failure) result

(** [write path fill] writes the pairs that [fill add] adds as a run into the file [path]. *)
val write :
  string ->
  ((string -> string -> (unit, Disco.Errors.failure) result) -> (unit, Disco.Errors.failure) result) ->
  (t, Disco.Errors.failure) result

(** [with_merged runs f] is [f pull], where [pull] takes the pairs of [runs] in order of their keys; of equal keys those of
    an earlier run come first. *)
val with_merged :
  t list -> (pull -> ('a, Disco.Errors.failure) result) -> ('a, Disco.Errors.failure) result

(** [remove runs] deletes their files. *)
val remove : t list -> unit
