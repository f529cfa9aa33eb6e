(** The life of a worker process: WORKER, TASK, the task, DONE, and with reuse the next task.

    The streams are moved away before anything else, so a program calls {!main} first. Failures are told to Disco by what
    has to happen next; an exception of the program is told as ERROR. *)

(** What a program does with a task. *)
type program = Task.t -> (unit, Disco.Errors.failure) result

(** [serve ?timeout_s ?prints ~requests ~replies program] runs tasks over two pipes until Disco says that it is enough; the
    result is the exit status of the process. With [~reuse:false] Disco is not offered to go on with other tasks in this
    process, for programs that leave something behind. [surroundings] are set right after each task. *)
val serve :
  ?reuse:bool ->
  ?timeout_s:float ->
  ?prints:Standard.prints ->
  ?surroundings:Surroundings.t ->
  requests:Unix.file_descr ->
  replies:Unix.file_descr ->
  program ->
  int

(** [main ?reuse program] takes the standard streams, serves, and exits. *)
val main : ?reuse:bool -> program -> 'a
