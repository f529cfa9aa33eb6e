(** A scripted Disco: it runs a worker as a process of its own, plays the master's part of the protocol with it, and
    reports what it did. It is strict: what no Disco would accept ends the run with a reason.

    {[
      let report = Fake_disco.(run ~folder (Program program) [ task [ input [ "raw://the%20cat" ] ] ]) in
      match report with
      | Ok [ { ending = Done; outputs = [ output ]; _ } ] -> check (Fake_disco.content ~folder output)
      | ...
    ]} *)

open Disco

(** What INPUT_ERR is answered with. The URLs of [Wait] are the replicas that are there afterwards. *)
type reaction = Retry of string list | Wait of int * string list | Fail

(** An input: the URLs of its replicas (numbered from 0 on), how many polls find it busy, and the answers to INPUT_ERR, one
    after the other; then it is FAIL. *)
type input = { replicas : string list; busy_polls : int; reactions : reaction list }

(** [input ?busy_polls ?reactions replicas] is an input. *)
val input : ?busy_polls:int -> ?reactions:reaction list -> string list -> input

(** A task. Input [n] is listed from poll [late_from + n] on, with [more] before that; by default all at once. *)
type task = { mode : Message.mode; taskid : int; jobname : string; inputs : input list; one_by_one : bool }

(** [task ?mode ?taskid ?jobname ?one_by_one inputs] is a task. With [one_by_one] each poll lists one input more. *)
val task :
  ?mode:Message.mode -> ?taskid:int -> ?jobname:string -> ?one_by_one:bool -> input list -> task

(** What is run: a program of this process (in a child process), or a command. *)
type worker = Program of Disco_unix.Worker.program | Command of string list

type ending =
  | Done
  | Gave_up of string  (** ERROR. *)
  | Stopped of string  (** FATAL. *)
  | Silent  (** It went without a last word. *)

type output = { location : string; kind : Message.kind }

(** What a worker did in one task. *)
type report = {
  ending : ending;
  outputs : output list;
  messages : string list;
  pings : int;
  input_errors : (int * int list) list;  (** Input and replicas, in the order of the reports. *)
  polls : int;
}

(** What can be said instead of the right answer. *)
type answer = Say of Message.reply | Raw of string | Hang_up

(** [run ~folder worker tasks] runs [worker] in the job home [folder] and gives it [tasks], one after the other where it
    can be used again. The result is a report for each task that was begun, and how the process ended.
    @param partitions nr_reduces in the job file
    @param data the free bytes in the job file
    @param master the URL of the master that tasks are told of
    @param answer what to say to a request instead; [None] is the right answer
    @param timeout_s how long the worker may be silent (30) *)
val run :
  ?partitions:int ->
  ?data:string ->
  ?master:string ->
  ?answer:(Message.request -> answer option) ->
  ?timeout_s:float ->
  folder:string ->
  worker ->
  task list ->
  (report list * Unix.process_status, string) result

(** [content ~folder output] is the bytes of an output. *)
val content : folder:string -> output -> string

(** [records ~folder output] is the kv records of an output, or what is wrong with them. *)
val records : folder:string -> output -> ((string * string) list, Errors.failure) result
