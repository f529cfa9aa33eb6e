(** A whole worker out of a map and a reduce function.

    The map's pairs go to the partition of their key, as kv records; a reduce task sorts what it gets (externally, with
    bounded memory) and is called with each key and its values. With [combine] the map folds the values of a
    key before they are written. The number of partitions is [nr_reduces] of the job. *)

open Disco

(** [emit key value] gives out a pair. What it could not write is the task's failure, after the call. *)
type emit = string -> string -> unit

(** What a map is called with. *)
type map =
  | Lines of (Task.t -> emit -> string -> (unit, Errors.failure) result)  (** Each line of text. *)
  | Records of (Task.t -> emit -> string -> string -> (unit, Errors.failure) result)
      (** Key and value of each kv record. *)

(** What a reduce is called with: a key and its values, which can be taken once. *)
type reduce = Task.t -> emit -> string -> string Seq.t -> (unit, Errors.failure) result

(** How the results of the job are written: kv records, or lines [key SP value LF]. *)
type results = Kv | Text

(** [program ?map ?reduce ()] is the program of such a worker. A task of a mode without function is [Fatal].
    @param partitions instead of the job's nr_reduces
    @param partition instead of {!Disco.Partition.partition}; a label out of range is [Fatal]
    @param all_labels a reduce reads every label of its indexes, not only its own
    @param save keep the results in DDFS, in the tag [disco:job:results:JOBNAME]
    @param token for that; see {!Ddfs.save_outputs}
    @param codec for kv records; zlib by default
    @param memory_bytes for sorting and combining *)
val program :
  ?map:map ->
  ?reduce:reduce ->
  ?combine:Sort.combine ->
  ?results:results ->
  ?partitions:int ->
  ?partition:(string -> int -> int) ->
  ?all_labels:bool ->
  ?save:bool ->
  ?token:string ->
  ?codec:Codec.t ->
  ?memory_bytes:int ->
  unit ->
  Worker.program

(** [main ?map ?reduce ()] is {!Worker.main} of {!program}: the one call of a worker's source. *)
val main :
  ?reuse:bool ->
  ?map:map ->
  ?reduce:reduce ->
  ?combine:Sort.combine ->
  ?results:results ->
  ?partitions:int ->
  ?partition:(string -> int -> int) ->
  ?all_labels:bool ->
  ?save:bool ->
  ?token:string ->
  ?codec:Codec.t ->
  ?memory_bytes:int ->
  unit ->
  'a

(** Adds decimal integers (what is none counts as 0): the combiner of counts. *)
val sum : Sort.combine

(** [total values] is the sum of decimal integers. *)
val total : string Seq.t -> int
