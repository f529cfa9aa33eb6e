(** The messages of protocol 1.0 as values: what a worker may say, and what Disco may answer.

    INPUT and TASK name a request when a worker says them and a reply when Disco does: these are two cases each.
    A value made here is taken as it is; shapes are checked where they come from outside, in {!Parse}, and when a
    message may be said is decided in {!Session}. *)

(** The version that this module speaks. *)
val version : string

val min_wait_s : int
val max_wait_s : int
val max_label : int
val max_location_bytes : int

(** Who speaks. *)
type role = Worker | Disco

(** One place where an input can be read; lists of replicas are best first. *)
type replica = { replica_id : int; url : string }

(** [Busy]: replicas are being made. [Failed]: thought to be lost. *)
type status = Ready | Busy | Failed

(** One input of the task. *)
type input = { input_id : int; status : status; replicas : replica list }

type mode = Map | Reduce

(** [mode_name mode] is ["map"] or ["reduce"]. *)
val mode_name : mode -> string

(** The task. [master] is a URL; the last three are absolute paths on this node. *)
type task = {
  host : string;
  master : string;
  jobname : string;
  taskid : int;
  mode : mode;
  disco_port : int;
  put_port : int;
  disco_data : string;
  ddfs_data : string;
  jobfile : string;
}

(** Which inputs INPUT asks for. *)
type selection = All | Exclude of int list | Include of int list

(** An output: a file of the job home, a part of a label, or a tag. *)
type kind = Disco_file | Part of int | Tag

type request =
  | Hello of { version : string; pid : int; reuse : bool }  (** WORKER. *)
  | Get_task  (** TASK. *)
  | Get_inputs of selection  (** INPUT. *)
  | Input_err of { input_id : int; replica_ids : int list }
  | Msg of string
  | Output of { location : string; kind : kind }
  | Ping
  | Done
  | Error of string
  | Fatal of string

type reply =
  | Ok
  | Task of task
  | Inputs of { more : bool; inputs : input list }  (** INPUT. *)
  | Retry of replica list
  | Wait of int  (** In seconds. *)
  | Fail

type t = Request of request | Reply of reply

(** [name message] is the name of its frame. *)
val name : t -> string

(** [payload message] is its payload, in its canonical form. *)
val payload : t -> Json.t

(** [to_frame message] is its frame. *)
val to_frame : t -> Frame.t
