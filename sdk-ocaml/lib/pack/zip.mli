(** The ZIP archive of a job home, uncompressed: written here so that the core needs no C. Entries are sorted, carry one
    fixed time stamp and one of two modes, so the same files give the same bytes. *)

(** A file of the archive. *)
type file = { path : string; content : string; executable : bool }

(** [archive files] is the archive of [files]. Their paths are taken as they are: {!Jobpack} judges them. *)
val archive : file list -> string

(** What an archive's directory says of an entry; [mode] is that of Unix, or 0. *)
type entry = { name : string; mode : int; size : int }

(** [entries archive] is the directory of [archive], or the reason why it is no ZIP archive. *)
val entries : string -> (entry list, string) result
