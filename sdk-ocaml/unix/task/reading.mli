(** Reading one replica of an input from where another one broke off. *)

(** How far the reading of an input has come: [delivered] units (bytes, lines or records) were given out, and of this
    replica [skip] are still to be left out. *)
type progress = { mutable delivered : int; mutable skip : int }

(** [start ()] is the progress of an input of which nothing was read. *)
val start : unit -> progress

(** [again progress] makes [progress] fit for another replica. *)
val again : progress -> unit

(** [bytes place url progress f] calls [f bytes offset length] with the data behind [url]; see {!Fetch}. When the replica
    breaks, the result is a [Bad_input], and [progress] says how far it came. *)
val bytes :
  Fetch.place ->
  string ->
  progress ->
  (bytes -> int -> int -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result

(** [lines place url progress f] is the same for lines. *)
val lines :
  Fetch.place ->
  string ->
  progress ->
  (string -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result

(** [records place url progress f] is the same for the records of a kv stream. *)
val records :
  Fetch.place ->
  string ->
  progress ->
  (string -> string -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result
