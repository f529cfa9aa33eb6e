(** The order of messages: what each end may say next, for both ends, as one table.

    The worker pulls the conversation: it asks, and Disco answers each request once, in order. So a session has
    two states, and each end keeps both: the {e worker's} state says what it may ask next, and {e Disco's} state
    is the list of requests that it owes an answer to, whose oldest says which replies are legal. A reply moves
    the worker's state in one case alone: TASK as the answer to DONE, for a worker that announced reuse.

    A session never reads, writes or waits. Invariant: both ends, having seen the same bytes, agree on the
    worker's state and on what is owed. After [Not_a_frame] nothing more can be received. A [Bad_message] leaves
    the framing whole and counts as the answer to the oldest request, so that a worker can still say FATAL and be
    answered. *)

(** What the worker has said so far; at the end, how its task ended. *)
type state = Fresh | Announced | Running | Finished | Errored | Stopped

(** One end of a conversation. *)
type t

(** [create role] is the session of the [role] end. *)
val create : Message.role -> t

(** [state session] is the worker's state. *)
val state : t -> state

(** [reuse session] is [true] when the worker announced that it can go on with another task after DONE. *)
val reuse : t -> bool

(** [owed session] is how many requests have no answer yet. *)
val owed : t -> int

(** [ended session] is [true] when the worker has said its last word and was answered. *)
val ended : t -> bool

(** [unfinished session] is [true] when a frame has begun and not ended. Ask after {!next} gave [`Await]. *)
val unfinished : t -> bool

(** [send session message] is the bytes to write; [Out_of_turn] when [message] cannot be said now, and then
    nothing has changed. *)
val send : t -> Message.t -> (string, Errors.protocol) result

(** [receive session bytes offset length] takes in what was read; a [length] of 0 says that no more will come. *)
val receive : t -> bytes -> int -> int -> unit

(** [next session] is the next message of the other end; [`Await] when more bytes are needed; [`End] when the
    input has ended between frames. *)
val next : t -> [ `Message of Message.t | `Await | `End | `Error of Errors.protocol ]
