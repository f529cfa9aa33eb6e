(** URLs as Disco uses them: [scheme://rest], where the rest is a host and a path, or data. *)

(** [scheme url] is the scheme of [url] and what follows [://]; [None] when there is no scheme. *)
val scheme : string -> (string * string) option

(** [host_and_path rest] is the host (with its port, if any) and the path, which begins with [/] or is empty. *)
val host_and_path : string -> string * string

(** [host_and_port host] is [host] without a [:port], and that port. *)
val host_and_port : string -> string * int option

(** [decode s] is [s] with each [%HH] replaced by its byte; a [%] that begins no such triple stays. *)
val decode : string -> string

(** [encode s] is [s] with every byte but letters, digits and [-._~] (and those of [keep]) as [%HH]. *)
val encode : ?keep:string -> string -> string
