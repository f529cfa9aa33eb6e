(** Folders and files for one test. *)

(** [with_folder f] is [f folder], with an empty folder that is deleted afterwards. *)
val with_folder : (string -> 'a) -> 'a

(** [write folder name content] makes a file, with the folders above it, and is its path. *)
val write : string -> string -> string -> string

(** [read path] is the content of a file. *)
val read : string -> string
