(** Record streams: what flows between tasks, and what chunks and results are stored in.

    A stream is a run of hunks, and streams laid end to end are a stream:
    {v magic 0xD1 | encoding u8 | codec u8 | 0 u8 | raw_len u32 | stored_len u32 | records u32 | crc32 u32 | stored v}
    all little-endian; the checksum is over the stored bytes. Here hunks of the kv encoding are read and written:
    records of [klen u32 | key | vlen u32 | value].

    A reader checks the sizes in a header before it takes memory for them, and the checksum before it looks inside.
    Invariant: records come out in the order they went in, and a hunk is given out whole or not at all. *)

val header_bytes : int

(** A hunk is cut when it holds this much ... *)
val target_raw_bytes : int

(** ... or this many records. *)
val max_records : int

(** What a hunk may hold at most. *)
val max_raw_bytes : int

(** What no codec exceeds the raw bytes by; a header that claims more is damaged. *)
val max_growth_bytes : int

(** {1 Reading} *)

(** The records of a hunk. *)
type batch

(** [length batch] is how many records there are. *)
val length : batch -> int

(** [iter batch f] calls [f key value] for each record in order, until [f] gives an error. *)
val iter : batch -> (string -> string -> (unit, 'e) result) -> (unit, 'e) result

(** A reader of one stream. *)
type reader

(** [reader ?skip ~codecs url] is a reader that has seen nothing. It leaves out the first [skip] records: that is how
    another replica is read on, however it is cut into hunks. [url] is for errors. *)
val reader : ?skip:int -> codecs:Codec.t list -> string -> reader

(** [feed reader bytes offset length] takes in what was read. *)
val feed : reader -> bytes -> int -> int -> unit

(** [next reader] is the next batch; [`Await] when more bytes are needed. The error is a [Bad_input] with URL, offset
    and reason, and stays. *)
val next : reader -> [ `Batch of batch | `Await | `Error of Errors.failure ]

(** [finish reader] says that no byte will follow; an error when the stream ended inside a hunk. *)
val finish : reader -> (unit, Errors.failure) result

(** [left_to_skip reader] is how many records are still to be left out: more than 0 when the stream was shorter. *)
val left_to_skip : reader -> int

(** {1 Writing} *)

(** A writer of one stream. *)
type writer

(** [writer ?target ~codec write] hands each hunk to [write]. A hunk is cut at about [target] raw bytes (default
    {!target_raw_bytes}); one that does not shrink is stored as it is. *)
val writer : ?target:int -> codec:Codec.t -> (string -> (unit, Errors.failure) result) -> writer

(** [add writer key value] adds a record; the error is that of [write], or a [Fatal] for a record that no hunk can
    hold. *)
val add : writer -> string -> string -> (unit, Errors.failure) result

(** [flush writer] writes what is left. A stream has no end mark, so this is also how one ends. *)
val flush : writer -> (unit, Errors.failure) result
