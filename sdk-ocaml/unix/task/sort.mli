(** External merge sort with bounded memory: pairs come out by the bytes of their keys, and pairs of one key in the order
    in which they came.

    Pairs are kept in memory up to a limit, then sorted and written to a file as a run; runs are merged at the end, a
    bounded number at a time. With a combiner there is one value a key, folded as early as possible. *)

type t

val default_memory_bytes : int

(** How many runs are merged, and so read, at a time. *)
val max_fan_in : int

(** How the values of a key become one. *)
type combine =
  | Sum  (** As decimal integers, which are kept as numbers until they are written; what is none counts as 0. *)
  | Fold of (string -> string -> string -> string)  (** [f key so_far value] is one value for two of [key]. *)

(** [create ?memory_bytes ?combine ~folder ()] sorts with about [memory_bytes] of pairs in memory, and keeps runs in
    [folder], which must exist once there are runs. *)
val create : ?memory_bytes:int -> ?combine:combine -> folder:string -> unit -> t

(** [add sort key value] adds a pair. *)
val add : t -> string -> string -> (unit, Disco.Errors.failure) result

(** [runs sort] is how many runs were written so far. *)
val runs : t -> int

(** [iter sort f] calls [f key value] with each pair in order, and removes the runs. *)
val iter :
  t -> (string -> string -> (unit, Disco.Errors.failure) result) -> (unit, Disco.Errors.failure) result

(** [groups sort f] calls [f key values] with each key in order. [values] can be taken once, during that call; those that
    [f] leaves are passed over. The runs are removed. *)
val groups :
  t ->
  (string -> string Seq.t -> (unit, Disco.Errors.failure) result) ->
  (unit, Disco.Errors.failure) result
