(** What can go wrong, sorted by what has to happen next.

    {v
    protocol                          what came from the other end, or was said out of turn
      Not_a_frame                     the bytes are no frame; their stream is lost
      Bad_message                     a whole frame that must not be sent
      Version_mismatch                ... because its sender speaks another version
      Out_of_turn                     this end tried to say what it cannot say now: a bug here
    failure                           why a task could not be carried out
      Transient                       ERROR: Disco tries the task elsewhere
      Fatal                           FATAL: the job ends
      Bad_input                       INPUT_ERR: another replica is read; ERROR when there is none
      Lost                            nobody is left to tell: the worker exits
      Protocol                        Disco sent what it must not: say so and exit
    v} *)

(** The rule of framing that was broken: the first byte that cannot stand where it stands decides. *)
type fault = Name | Length | Too_large | Terminator | Truncated

(** [fault_name fault] is the name of [fault] in the specification's vectors, such as ["payload-too-large"]. *)
val fault_name : fault -> string

type protocol =
  | Not_a_frame of { fault : fault; reason : string; received : string }
      (** [received] is what came from the start of the broken frame on, as far as it is kept. *)
  | Bad_message of { name : string; reason : string }  (** [name] is the frame's name. *)
  | Version_mismatch of { theirs : string; ours : string }
  | Out_of_turn of string

type failure =
  | Transient of string
  | Fatal of string
  | Bad_input of { url : string; reason : string }
  | Lost of string
  | Protocol of protocol

(** [quoted s] is [s] as an error text shows it: escaped, on one line, at most 200 bytes of it. *)
val quoted : string -> string

(** [pp_protocol ppf error] prints [error] for a person to read. *)
val pp_protocol : Format.formatter -> protocol -> unit

(** [pp_error ppf failure] prints [failure] for a person to read. *)
val pp_error : Format.formatter -> failure -> unit

(** [to_string failure] is what {!pp_error} prints. *)
val to_string : failure -> string
