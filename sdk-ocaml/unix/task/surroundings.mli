(** What a task may change of its process and the next one must not find: the working directory, the environment, the
    umask, and what signals do. *)

type t

(** [keep ()] is how they are now. *)
val keep : unit -> (t, Disco.Errors.failure) result

(** [restore kept] sets them right. *)
val restore : t -> (unit, Disco.Errors.failure) result
