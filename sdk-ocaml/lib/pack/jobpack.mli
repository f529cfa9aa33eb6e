(** The job pack: the one file that holds all that is needed to run a job.

    A header of 128 bytes (magic 0xd5c0 and version 1, then four offsets, all big-endian) and four sections in this
    order: the job dictionary, a JSON object for the master; the environment of the workers, a JSON object of
    strings; the job home, a ZIP archive; and free bytes for the worker. A pack is taken whole or refused with an error
    that names the field. *)

type t = {
  jobdict : (string * Json.t) list;
  jobenvs : (string * string) list;
  jobhome : string;
  jobdata : string;
}

(** The place that is wrong (such as ["jobdict.prefix"]), and what is wrong there. *)
type error = { field : string; reason : string }

(** [pp_error ppf error] prints [error] for a person to read. *)
val pp_error : Format.formatter -> error -> unit

val header_bytes : int
val max_pack_bytes : int

(** What a job dictionary asks for. Each of [inputs] is one input: the URLs of its replicas. *)
type job = {
  prefix : string;
  inputs : string list list;
  worker : string;  (** Its path in the job home. *)
  owner : string;
  nr_reduces : int;
  has_map : bool;
  has_reduce : bool;
  scheduler : (string * Json.t) list;
}

(** [make job ~envs ~files ~data] is the pack of [job]; [files] become its home and must hold the worker. *)
val make :
  job -> envs:(string * string) list -> files:Zip.file list -> data:string -> (t, error) result

(** [encode pack] is the bytes of [pack], once it was checked; the same parts give the same bytes. *)
val encode : t -> (string, error) result

(** [decode bytes] is the pack in [bytes], with its layout, JSON and environment checked. *)
val decode : string -> (t, error) result

(** [section_of_header header ~size name] is offset and length of the section [name] (["jobdict"], ["jobenvs"],
    ["jobhome"] or ["jobdata"]) in a pack of [size] bytes that begins with [header]: for reading one section alone. *)
val section_of_header : string -> size:int -> string -> (int * int, error) result

(** [jobdict_of text] is the object in the text of a job dictionary. *)
val jobdict_of : string -> ((string * Json.t) list, error) result

(** [check pack] is what the job dictionary asks for, every value of it checked, and the names in the job home too. *)
val check : t -> (job, error) result
