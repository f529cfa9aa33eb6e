(** The outputs of a task: files that appear under their names only when they are complete and on the disk.

    An output holds no descriptor between two writes, so that there may be more labels than descriptors. *)

type t

(** [create task ?name kind] is a new output of [task]; [name] (default ["output"]) is the beginning of its file's name.
    Use {!tag} for an output of kind [Tag]. *)
val create : Task.t -> ?name:string -> Disco.Message.kind -> (t, Disco.Errors.failure) result

(** [write output s] appends [s]. *)
val write : t -> string -> (unit, Disco.Errors.failure) result

(** [write_bytes output bytes offset length] appends that part of [bytes]. *)
val write_bytes : t -> bytes -> int -> int -> (unit, Disco.Errors.failure) result

(** [close output] makes the file durable, gives it its name, and reports it to Disco. *)
val close : t -> (unit, Disco.Errors.failure) result

(** [records ?codec output] writes kv records into [output] (by default with zlib); flush it before {!close}. [target] is
    as in {!val:Disco.Hunk.writer}. *)
val records : ?codec:Disco.Codec.t -> ?target:int -> t -> Disco.Hunk.writer

(** [finish output] is [close], but reports nothing; the result is the file's path in the job home. *)
val finish : t -> (string, Disco.Errors.failure) result

(** [tag task name] reports the tag [name] as an output: what {!Ddfs} stored under it. *)
val tag : Task.t -> string -> (unit, Disco.Errors.failure) result
