(** JSON as RFC 8259 has it and nothing else: the protocol calls a message bad whose payload is not JSON, so a
    lenient reader (which takes comments, [NaN], raw control characters or bytes that are no UTF-8) will not do.

    The work is linear in the text, and nesting is bounded, so that hostile text costs neither time nor stack. *)

(** A value. An integer beyond 63 bits is a [`Float]. *)
type t = Yojson.Basic.t

(** How deep lists and objects may be nested. *)
val max_depth : int

(** [decode s] is the value of the one JSON text in [s], or what is wrong and where. A lone surrogate escape
    becomes the three bytes it would have in UTF-8 (see {!Utf8.add}). Of equal keys the last one counts; with
    [unique] they are an error. *)
val decode : ?unique:bool -> string -> (t, string) result

(** [encode value] is the compact JSON text of [value], in UTF-8; bytes of strings that are no UTF-8 are repaired. *)
val encode : t -> string
