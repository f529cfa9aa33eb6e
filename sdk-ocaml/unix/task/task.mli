(** A running task: what it was told, and what it can say to Disco. *)

type t

(** [create channel prints info] is the task that [info] describes. *)
val create : Channel.t -> Standard.prints -> Disco.Message.task -> t

(** [info task] is what Disco said of [task]. *)
val info : t -> Disco.Message.task

(** [folder task] is the folder for the files of this attempt, relative to the job home; no other attempt has it. It is
    there once {!make_folder} was called. *)
val folder : t -> string

(** [place task] is where its inputs are read. *)
val place : t -> Fetch.place

(** [read_all_labels task] makes the inputs that are read from now on all lines of an index, where a reduce otherwise reads
    those whose label is its id. *)
val read_all_labels : t -> unit

(** [make_folder task] makes {!folder}. *)
val make_folder : t -> (unit, Disco.Errors.failure) result

(** [ask task request] is the reply to [request]. What was printed before goes out first, as MSG. *)
val ask : t -> Disco.Message.request -> (Disco.Message.reply, Disco.Errors.failure) result

(** [expect_ok task request] is [ask] for a request whose answer is OK. *)
val expect_ok : t -> Disco.Message.request -> (unit, Disco.Errors.failure) result

(** [say task text] shows [text] on the job's page and in its log. *)
val say : t -> string -> (unit, Disco.Errors.failure) result

(** [ping task] asks whether Disco is there. *)
val ping : t -> (unit, Disco.Errors.failure) result

(** How long a task may be silent before {!heartbeat} speaks. *)
val heartbeat_s : float

(** [heartbeat ?every_s task] pings if nothing was asked for [every_s] seconds (by default {!heartbeat_s}): cheap enough for inner loops. The readers of inputs
    call it; a program that works long without reading calls it itself. *)
val heartbeat : ?every_s:float -> t -> (unit, Disco.Errors.failure) result

(** [say_prints task] sends what was printed since the last request. *)
val say_prints : t -> (unit, Disco.Errors.failure) result

(** [jobdict task] is the job dictionary, read from the job file. *)
val jobdict : t -> ((string * Disco.Json.t) list, Disco.Errors.failure) result

(** [jobdata task] is the free bytes that the job was submitted with. *)
val jobdata : t -> (string, Disco.Errors.failure) result
