(** Jobs from the client's side: pack, submit, wait, read the results. *)

(** Why a job could not be packed, submitted or finished. *)
type error =
  | Pack of Disco.Jobpack.error
  | File of string  (** A file that cannot be read. *)
  | Refused of string  (** The master does not take it. *)
  | Failed of { job : string; reason : string }  (** It has died. *)
  | Timeout of { job : string; seconds : float }  (** It has not finished, and goes on. *)
  | Master of Rest.error
  | Results of Disco.Errors.failure  (** They cannot be read. *)

(** [pp_error ppf error] prints [error] for a person to read. *)
val pp_error : Format.formatter -> error -> unit

(** [pack ~prefix ~worker ~inputs ()] is a job whose worker is the executable file [worker].
    @param inputs each a list of the URLs of its replicas
    @param map [reduce] which phases there are (by default both)
    @param partitions how many reduce tasks (by default 1)
    @param envs the environment of the workers
    @param files further files of the job home: path there, and path here
    @param data free bytes for the worker *)
val pack :
  ?map:bool ->
  ?reduce:bool ->
  ?partitions:int ->
  ?owner:string ->
  ?scheduler:(string * Disco.Json.t) list ->
  ?envs:(string * string) list ->
  ?files:(string * string) list ->
  ?data:string ->
  prefix:string ->
  worker:string ->
  inputs:string list list ->
  unit ->
  (Disco.Jobpack.t, error) result

(** [submit ~master pack] is the name of the job that the master at the URL [master] made of [pack]. *)
val submit : master:string -> Disco.Jobpack.t -> (string, error) result

type status = Active | Ready of string list  (** The URLs of its results. *) | Dead | Unknown

(** [status ~master ?wait_s job] is how [job] stands; an active one is waited for [wait_s] seconds at most. *)
val status : master:string -> ?wait_s:float -> string -> (status, error) result

(** [wait ~master ?timeout_s job] is the URLs of the job's results, once it is ready. *)
val wait : master:string -> ?timeout_s:float -> string -> (string list, error) result

(** [records ?token ~master urls f] calls [f key value] with each kv record of the results behind [urls]; [token] is that of
    the tags among them. *)
val records :
  ?token:string ->
  master:string ->
  string list ->
  (string -> string -> (unit, Disco.Errors.failure) result) ->
  (unit, error) result

(** [lines ?token ~master urls f] is the same for lines of text. *)
val lines :
  ?token:string ->
  master:string ->
  string list ->
  (string -> (unit, Disco.Errors.failure) result) ->
  (unit, error) result

(** [bytes ?token ~master urls f] is the same for pieces of bytes. The URLs may be tags too ([tag://NAME]): this is also how data
    is got out of DDFS. *)
val bytes :
  ?token:string ->
  master:string ->
  string list ->
  (bytes -> int -> int -> (unit, Disco.Errors.failure) result) ->
  (unit, error) result

(** [kill ~master job] ends the job. *)
val kill : master:string -> string -> (unit, error) result

(** [clean ~master job] lets the master forget the job, and leaves its data. *)
val clean : master:string -> string -> (unit, error) result

(** [purge ~master job] deletes all that is left of the job. *)
val purge : master:string -> string -> (unit, error) result
