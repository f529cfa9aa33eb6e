(** The inputs of a task: which there are, where their replicas lie, and reading on when a replica fails.

    Disco is asked for inputs until the list is complete, and each is read as soon as it can be. An input is read from its
    best replica; when that breaks, the next one is read from the record after the last one that was delivered, so that
    nothing comes twice. When no replica is left Disco is told, and gives others, has some made, or gives up.

    In all of these functions, an error of the callback ends the reading and is the result, but a [Bad_input]: that makes
    another replica be read, from the same record on. *)

(** Between two polls for inputs that are not there yet: from the first pause, doubling, to the last. *)
val first_pause_s : float

val last_pause_s : float

(** One input. *)
type t

(** [id input] is Disco's number for [input]. *)
val id : t -> int

(** [each task f] calls [f] with every input of [task], once. *)
val each : Task.t -> (t -> (unit, Disco.Errors.failure) result) -> (unit, Disco.Errors.failure) result

(** [bytes task input f] calls [f bytes offset length] with the data of [input], piece by piece. *)
val bytes :
  Task.t ->
  t ->
  (bytes -> int -> int -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result

(** [lines task input f] calls [f] with each line of [input], without its line feed. *)
val lines :
  Task.t -> t -> (string -> (unit, Disco.Errors.failure) result) -> (unit, Disco.Errors.failure) result

(** [records task input f] calls [f key value] with each record of the kv stream in [input]. *)
val records :
  Task.t ->
  t ->
  (string -> string -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result
