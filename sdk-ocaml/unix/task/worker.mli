(** The life of a worker process: WORKER, TASK, the task, DONE, and with reuse the next task.

    The streams are moved away before anything else, so a program calls {!main} first. Failures are told to Disco by what
    has to happen next; an exception of the program is told as ERROR. *)

(** What a program does with a task. *)
type program = Task.t -> (unit, Disco.Errors.failure) result

(** [serve ?timeout_s ?prints ~requests ~replies program] runs tasks over two pipes until Disco says that it is enough; the
    result is the exit status of the process. *)
val serve :
  ?timeout_s:float ->
  ?prints:Standard.prints ->
  requests:Unix.file_descr ->
  replies:Unix.file_descr ->
  program ->
  int

(** [main program] takes the standard streams, serves, and exits. *)
val main : program -> 'a
