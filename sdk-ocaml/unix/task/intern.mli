(** Numbers for keys: the first key is 0, the next new one 1, and so on. What belongs to a key then lies in an array. *)

type t

val create : unit -> t

(** [number interned key] is the key's number; a new key gets the next one, {!count} before the call. *)
val number : t -> string -> int

(** [key interned number] is the key with that number. *)
val key : t -> int -> string

(** [count interned] is how many keys there are. *)
val count : t -> int

(** [clear interned] forgets all keys, and gives their memory back. *)
val clear : t -> unit
