(** The worker's line to Disco: one request, then its reply, over two pipes. It blocks, and uses no processor time while
    it waits. *)

type t

(** How long a reply may take: 600 seconds. *)
val default_timeout_s : float

(** [create ?timeout_s ~requests ~replies ()] speaks on [requests] and listens on [replies]. *)
val create : ?timeout_s:float -> requests:Unix.file_descr -> replies:Unix.file_descr -> unit -> t

(** [ask channel request] is the reply to [request]. It is [Lost] when nobody is there any more or no reply comes in
    time, and [Protocol] for a reply that breaks the rules. *)
val ask : t -> Disco.Message.request -> (Disco.Message.reply, Disco.Errors.failure) result

(** [tell channel request] sends [request] and awaits nothing: the last word to a Disco that cannot be understood. *)
val tell : t -> Disco.Message.request -> unit

(** [last_asked_s channel] is when the last request was sent, as [Unix.gettimeofday] has it. *)
val last_asked_s : t -> float
